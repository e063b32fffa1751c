"""Whether a new bundle may follow the one that runs: paired on the same patients and attacks, doubt means no."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS: Final = 10_000
OUTSIDE: Final = 0.05
LEAST: Final = {"devices": 8, "pairs": 40, "windows": 32, "device-weeks": 4.0}

LOSS_MARGIN: Final = 0.02
FALSE_MARGIN: Final = 0.10
FOUND_MARGIN: Final = 0.05
AUC_MARGIN: Final = 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """What one bundle makes of the held-out patients; two bundles' arrays are paired place by place.

    By clean device: `loss` float64[d] (the bottleneck's mean squared error, scaled units), `false_exclusions` float64[d] and the
    `weeks` float64[d] it was judged for. `found` float64[a, c]: 1 where attack c on device a was found in time, `attacks` their
    names. `canary_clean` and `canary_attacked` float64[k]: mean squared errors of the canary set's windows.
    """

    loss: Floats
    false_exclusions: Floats
    weeks: Floats
    found: Floats
    attacks: tuple[str, ...]
    canary_clean: Floats
    canary_attacked: Floats


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison: both values, the change with its interval, what the change must hold to, and on how much it rests."""

    name: str
    candidate: float
    current: float
    change: float
    low: float
    high: float
    n: float
    unit: str
    rule: str
    holds: bool


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


def canary_verdict(candidate: Measured, current: Measured, names: tuple[str, str], seed: int) -> CanaryResult:
    """Compare two bundles (`names`: their sha256, candidate first); never raises for bad measurements, refuses them.

    Intervals are bootstrap ones over devices (windows, for the canary set) drawn in pairs: 95 %, the worst attack's widened by
    the number of attacks (Bonferroni). Loss may rise by 2 % at most, false exclusions by .10 a device-week, the share of
    attacks found may fall by .05 and the canary set's AUC by .02, each at the far end of its interval; no single attack may be
    clearly found less often.
    """
    why = _not_comparable(candidate, current)
    if why:
        return CanaryResult(candidate_sha256=names[0], current_sha256=names[1], passed=False, reason=why)
    rng = np.random.default_rng([seed, 78])
    figures = (
        _loss("clean loss", candidate.loss, current.loss, "devices", rng),
        _false_exclusions(candidate, current, rng),
        _found(candidate, current, rng),
        _worst_attack(candidate, current, rng),
        _loss("canary loss", candidate.canary_clean, current.canary_clean, "windows", rng),
        _canary_auc(candidate, current, rng),
    )
    broken = [figure for figure in figures if not figure.holds]
    return CanaryResult(
        candidate_sha256=names[0], current_sha256=names[1], passed=not broken,
        reason="; ".join(map(_in_words, broken)) or "no figure is worse beyond its margin", figures=figures,
    )  # fmt: skip


def _not_comparable(candidate: Measured, current: Measured) -> str | None:
    """Return why nothing can be said, or None."""
    for field in fields(Measured):
        ours, theirs = getattr(candidate, field.name), getattr(current, field.name)
        if field.name == "attacks":
            if ours != theirs or len(ours) != candidate.found.shape[-1]:
                return "the two bundles were tried with different attacks"
            continue
        if ours.shape != theirs.shape:
            return f"{field.name}: measured on different numbers of devices or windows"
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            return f"{field.name}: not everything could be measured (NaN)"
    have = {
        "devices": min(len(candidate.loss), len(candidate.found)),
        "pairs": candidate.found.size,
        "windows": min(len(candidate.canary_clean), len(candidate.canary_attacked)),
        "device-weeks": float(min(candidate.weeks.sum(), current.weeks.sum())),
    }
    few = [f"{have[unit]:g} {unit} ({least:g} are the least)" for unit, least in LEAST.items() if have[unit] < least]
    return f"too little to judge by: {', '.join(few)}" if few else None


def _loss(name: str, ours: Floats, theirs: Floats, unit: str, rng: np.random.Generator) -> Figure:
    drawn = _draws(len(ours), rng)
    with np.errstate(divide="ignore", invalid="ignore"):  # a loss of 0 has no ratio: not finite, so refused
        changes = drawn @ ours / (drawn @ theirs) - 1
        change = float(ours.mean() / theirs.mean() - 1)
    low, high = _interval(changes, OUTSIDE)
    return Figure(
        name=name, candidate=float(ours.mean()), current=float(theirs.mean()), change=change, low=low, high=high,
        n=len(ours), unit=unit, rule=f"ratio - 1 at most {LOSS_MARGIN:+.2f}",
        holds=bool(np.isfinite([change, low, high]).all() and high <= LOSS_MARGIN),
    )  # fmt: skip


def _false_exclusions(candidate: Measured, current: Measured, rng: np.random.Generator) -> Figure:
    drawn = _draws(len(candidate.weeks), rng)
    rates = [
        (one.false_exclusions.sum() / one.weeks.sum(), drawn @ one.false_exclusions / (drawn @ one.weeks))
        for one in (candidate, current)
    ]
    low, high = _interval(rates[0][1] - rates[1][1], OUTSIDE)
    return Figure(
        name="false exclusions", candidate=float(rates[0][0]), current=float(rates[1][0]),
        change=float(rates[0][0] - rates[1][0]), low=low, high=high, n=round(float(candidate.weeks.sum()), 1),
        unit="device-weeks", rule=f"a device-week at most {FALSE_MARGIN:+.2f}", holds=high <= FALSE_MARGIN,
    )  # fmt: skip


def _found(candidate: Measured, current: Measured, rng: np.random.Generator) -> Figure:
    ours, theirs = candidate.found.mean(axis=1), current.found.mean(axis=1)
    low, high = _interval(_draws(len(ours), rng) @ (ours - theirs), OUTSIDE)
    return Figure(
        name="attacks found", candidate=float(ours.mean()), current=float(theirs.mean()),
        change=float((ours - theirs).mean()), low=low, high=high, n=candidate.found.size, unit="pairs",
        rule=f"share at least {-FOUND_MARGIN:+.2f}", holds=low >= -FOUND_MARGIN,
    )  # fmt: skip


def _worst_attack(candidate: Measured, current: Measured, rng: np.random.Generator) -> Figure:
    """The attack whose loss is clearest: a model poisoned to let one attack pass must not hide it in the mean of all."""
    change = candidate.found - current.found
    changes = _draws(len(change), rng) @ change
    intervals = [_interval(changes[:, place], OUTSIDE / change.shape[1]) for place in range(change.shape[1])]
    worst = min(range(change.shape[1]), key=lambda place: (intervals[place][1], change[:, place].mean()))
    low, high = intervals[worst]
    return Figure(
        name=f"worst attack ({candidate.attacks[worst]})", candidate=float(candidate.found[:, worst].mean()),
        current=float(current.found[:, worst].mean()), change=float(change[:, worst].mean()), low=low, high=high,
        n=len(change), unit="devices", rule="not clearly below +0.00", holds=high >= 0,
    )  # fmt: skip


def _canary_auc(candidate: Measured, current: Measured, rng: np.random.Generator) -> Figure:
    """How well the reconstruction error alone tells the canary set's attacked windows from its clean ones."""
    attacked, clean = _draws(len(candidate.canary_attacked), rng), _draws(len(candidate.canary_clean), rng)
    above = [_above(one.canary_attacked, one.canary_clean) for one in (candidate, current)]
    drawn = [np.einsum("da,da->d", attacked, clean @ one.T) for one in above]
    low, high = _interval(drawn[0] - drawn[1], OUTSIDE)
    return Figure(
        name="canary AUC", candidate=float(above[0].mean()), current=float(above[1].mean()),
        change=float(above[0].mean() - above[1].mean()), low=low, high=high, n=attacked.shape[1] + clean.shape[1],
        unit="windows", rule=f"at least {-AUC_MARGIN:+.2f}", holds=low >= -AUC_MARGIN,
    )  # fmt: skip


def _above(attacked: Floats, clean: Floats) -> Floats:
    """Return float64[a, c]: 1 where the attacked window's error is above the clean one's, .5 where they are equal."""
    difference = attacked[:, None] - clean[None]
    above: Floats = (difference > 0) + 0.5 * (difference == 0)
    return above


def _draws(count: int, rng: np.random.Generator) -> Floats:
    """Return float64[DRAWS, count]: how large a share each place has in each draw with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), DRAWS) / count


def _interval(values: Floats, outside: float) -> tuple[float, float]:
    low, high = np.quantile(values, [outside / 2, 1 - outside / 2])
    return float(low), float(high)


def _in_words(figure: Figure) -> str:
    return (
        f"{figure.name}: {figure.change:+.3f} ({figure.low:+.3f} to {figure.high:+.3f}), allowed: {figure.rule}"
        f" [{figure.candidate:.3f} against {figure.current:.3f}, {figure.n:g} {figure.unit}]"
    )
