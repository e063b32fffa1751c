"""What attacks and protections amount to: errors beside two guesses that need no update, losses beside epsilon, and their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.common.estimates import Estimate
from experiments.federation.results import paired_ratio
from experiments.privacy.attack import AttackResult
from experiments.privacy.inversion import Floats
from experiments.privacy.plan import CASES, Protection
from experiments.privacy.study import ALONE, PrivacyStudy
from experiments.report.numbers import flat, plain
from experiments.report.tables import csv_text
from fl_device.training.privacy import DELTA, epsilon

Pair = tuple[float, float]  # heart rate, respiratory rate


@dataclass(frozen=True, slots=True)
class AttackRow:
    """Medians over `n` windows: mean absolute errors in bpm and breaths/min, and correlations with the true course.

    `error` and the guesses' errors are in the device's own scale, which the coordinator is not told (the stronger assumption);
    `blind_error` takes the other patients' mean median and scale instead. `nearer`: the share of windows that the attack comes
    nearer to than the most similar window of another patient does (for batches and epochs: than as many windows of others).
    """

    attacked: str
    protection: str
    n: int
    error: Pair
    median_error: Pair
    other_error: Pair
    blind_error: Pair
    correlation: Pair
    other_correlation: Pair
    nearer: float


@dataclass(frozen=True, slots=True)
class CostRow:
    """A protection's `ratio` of loss to that of unprotected updates, the share of updates that counted, and epsilon."""

    protection: str
    ratio: Estimate
    taken: float
    rounds: int
    epsilon_one_round: float
    epsilon: float


def attack_rows(study: PrivacyStudy) -> list[AttackRow]:
    """Return a row for each kind of update and protection."""
    return [attack_row(CASES[case], how.name, result) for (case, how), result in study.attack_results.items()]


def attack_row(attacked: str, protection: str, result: AttackResult) -> AttackRow:
    """Return what one attack amounts to."""
    scale = result.scale[result.owner][:, None]
    nearer = _distance(result.truth, result.rebuilt) < _distance(result.resembled, result.other)
    return AttackRow(
        attacked,
        protection,
        len(result.truth),
        error=_middle(_error(result.truth, result.rebuilt) * scale[:, 0]),
        median_error=_middle(_error(result.truth, 0 * result.truth) * scale[:, 0]),
        other_error=_middle(_error(result.resembled, result.other) * scale[:, 0]),
        blind_error=_middle(_blind_error(result)),
        correlation=_middle(correlations(result.truth, result.rebuilt)),
        other_correlation=_middle(correlations(result.resembled, result.other)),
        nearer=float(nearer.mean()),
    )


def cost_rows(study: PrivacyStudy) -> list[CostRow]:
    """Return a row a protection."""
    noises = {how.name: how.noise for how in study.plan.protections} | {ALONE: max(study.plan.noises)}
    free = study.costs[Protection().name]
    return [
        CostRow(
            name,
            paired_ratio(runs, free),
            float(np.mean([outcome.taken.sum() / outcome.asked.sum() for outcome in runs])),
            len(runs[0].loss),
            epsilon(noises[name], 1),
            epsilon(noises[name], len(runs[0].loss)),
        )
        for name, runs in study.costs.items()
    ]


def correlations(truth: Floats, guess: Floats) -> NDArray[np.float64]:
    """Return float64[n, 2], the correlation over the hour of each channel. 0 where one of them does not move."""
    mine, theirs = (windows - windows.mean(axis=1, keepdims=True, dtype=np.float64) for windows in (truth, guess))
    lengths = np.sqrt(np.square(mine).sum(axis=1) * np.square(theirs).sum(axis=1))
    product = (mine * theirs).sum(axis=1)
    return np.asarray(np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 1e-9))


def _error(truth: Floats, guess: Floats) -> NDArray[np.float64]:
    return np.asarray(np.abs(truth - guess).mean(axis=1, dtype=np.float64))


def _distance(truth: Floats, guess: Floats) -> NDArray[np.float64]:
    return np.asarray(np.square(truth - guess).mean(axis=(1, 2), dtype=np.float64))


def _blind_error(result: AttackResult) -> NDArray[np.float64]:
    """Return float64[n, 2] for an attacker that takes every device to be like the mean of the others."""
    errors = []
    for truth, rebuilt, owner in zip(result.truth, result.rebuilt, result.owner, strict=True):
        others = np.arange(len(result.scale)) != owner
        guess = rebuilt * result.scale[others].mean(axis=0) + result.median[others].mean(axis=0)
        errors.append(np.abs(truth * result.scale[owner] + result.median[owner] - guess).mean(axis=0))
    return np.stack(errors)


def _middle(values: NDArray[np.float64]) -> Pair:
    heart, breath = np.median(values, axis=0)
    return float(heart), float(breath)


CHANNELS = ("heart_rate", "resp_rate")


def privacy_document(study: PrivacyStudy) -> dict[str, Any]:
    """Return plan and rows. Errors in bpm and breaths/min, epsilon None where nothing is promised."""
    return {
        "plan": asdict(study.plan),
        "delta": DELTA,
        "attacks": [_record(row) for row in attack_rows(study)],
        "costs": [_record(row) for row in cost_rows(study)],
    }


def privacy_tables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the CSV files by their names."""
    return {f"privacy_{name}.csv": csv_text(document[name]) for name in ("attacks", "costs")}


def _record(row: AttackRow | CostRow) -> dict[str, Any]:
    by_channel = {
        name: dict(zip(CHANNELS, value, strict=True)) if isinstance(value, tuple) else value
        for name, value in asdict(row).items()
    }
    return flat(plain(by_channel))
