"""Whether a new bundle may follow the one that runs: paired on the same patients and attacks, doubt means no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Final, TypeVar

import msgspec
import numpy as np

from detectors.training.canaries.figures import Figure, NetworkFit, Outcomes, network_figures, outcome_figures

LEAST: Final = {"devices": 8, "pairs": 40, "windows": 32, "device-weeks": 4.0}


class CanaryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, its reason in words, and every figure behind it."""

    candidate_sha256: str
    current_sha256: str
    passed: bool
    reason: str
    figures: tuple[Figure, ...] = ()

    def flat(self) -> dict[str, float]:
        """Return the figures as a release carries them: `<name>: candidate`, `: change`, `: low`, `: high`, `: n`."""
        parts = ("candidate", "current", "change", "low", "high", "n")
        return {f"{figure.name}: {part}": float(getattr(figure, part)) for figure in self.figures for part in parts}


def first_look(candidate: NetworkFit, current: NetworkFit, names: tuple[str, str], seed: int) -> CanaryResult:
    """Compare two networks before anything is learnt around the new one: as `canary_verdict`, without what needs a bundle."""
    rng = np.random.default_rng([seed, 78])
    return _verdict(names, _not_comparable(candidate, current), lambda: network_figures(candidate, current, rng))


def canary_verdict(
    candidate: tuple[NetworkFit, Outcomes], current: tuple[NetworkFit, Outcomes], names: tuple[str, str], seed: int
) -> CanaryResult:
    """Compare two bundles (`names`: their sha256, candidate first), whose measurements are paired place by place.

    Never raises for bad measurements: refuses them. Intervals are bootstrap ones over devices (windows, for the canary set)
    drawn in pairs: 95 %, the worst attack's widened by the number of attacks (Bonferroni). A loss may rise by .02 nats a value,
    false exclusions by .10 a device-week, the share of attacks found may fall by .05 and the canary set's AUC by .02, each at the
    far end of its interval; no single attack may be clearly found less often.
    """
    (fit, ours), (fit_now, theirs) = candidate, current
    why = _not_comparable(fit, fit_now) or _not_comparable(ours, theirs) or _other_attacks(ours, theirs)
    rng = np.random.default_rng([seed, 78])
    return _verdict(names, why, lambda: network_figures(fit, fit_now, rng) + outcome_figures(ours, theirs, rng))


def _verdict(names: tuple[str, str], why: str | None, make: Callable[[], tuple[Figure, ...]]) -> CanaryResult:
    figures = () if why else make()
    broken = [figure for figure in figures if not figure.holds]
    reason = why or "; ".join(map(_in_words, broken)) or "no figure is worse beyond its margin"
    passed = bool(figures) and not broken
    return CanaryResult(
        candidate_sha256=names[0], current_sha256=names[1], passed=passed, reason=reason, figures=figures
    )


Measured = TypeVar("Measured", NetworkFit, Outcomes)


def _not_comparable(candidate: Measured, current: Measured) -> str | None:
    """Return why nothing can be said, or None."""
    for field in fields(candidate):
        ours, theirs = getattr(candidate, field.name), getattr(current, field.name)
        if isinstance(ours, tuple):
            continue
        if ours.shape != theirs.shape:
            return f"{field.name}: measured on different numbers of devices or windows"
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            return f"{field.name}: not everything could be measured (NaN)"
    few = [
        f"{have:g} {unit} ({LEAST[unit]:g} are the least)"
        for unit, have in _amounts(candidate).items()
        if not have >= LEAST[unit]
    ]
    return f"too little to judge by: {', '.join(few)}" if few else None


def _amounts(measured: NetworkFit | Outcomes) -> dict[str, float]:
    if isinstance(measured, NetworkFit):
        devices = min(len(measured.simulated), len(measured.real) or len(measured.simulated))
        return {"devices": devices, "windows": min(len(measured.clean_error), len(measured.attacked_error))}
    return {"devices": len(measured.found), "pairs": measured.found.size, "device-weeks": float(measured.weeks.sum())}


def _other_attacks(ours: Outcomes, theirs: Outcomes) -> str | None:
    same = ours.attacks == theirs.attacks and len(ours.attacks) == ours.found.shape[-1]
    return None if same else "the two bundles were tried with different attacks"


def _in_words(figure: Figure) -> str:
    return (
        f"{figure.name}: {figure.change:+.3f} ({figure.low:+.3f} to {figure.high:+.3f}), allowed: {figure.rule}"
        f" [{figure.candidate:.3f} against {figure.current:.3f}, {figure.n:g} {figure.unit}]"
    )
