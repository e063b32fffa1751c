"""What the federations amount to: losses against the baseline's, seed by seed, goals, and what was kept out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import t as student

from experiments.federation_engine import Outcome
from experiments.federation_plan import BASELINE, DEVICES, POISONED
from experiments.federation_study import Study
from experiments.grid_goals import Direction, Goal
from experiments.grid_intervals import UNKNOWN, Estimate

LAST_ROUNDS: Final = 3  # a single round's loss moves by a few percent


@dataclass(frozen=True, slots=True)
class Row:
    """A run over its seeds; `ratio` is its loss in units of the same seed's baseline, the others are means over seeds.

    `devices` are final losses by device; `poisoned_minutes` those trained on over all rounds; `taken` counts Dev2's updates.
    """

    run: str
    ratio: Estimate
    loss: float
    tolerance: float
    devices: tuple[float, ...]
    tolerances: tuple[float, ...]
    poisoned_minutes: float
    taken: float
    megabytes: float
    cpu_s: float


def rows(study: Study) -> list[Row]:
    """Return a row a run, in the order of the plan."""
    return [_row(name, found, study.outcomes[BASELINE]) for name, found in study.outcomes.items()]


def final_loss(outcome: Outcome) -> float:
    """Return the mean squared error over all devices' held-out hours after the last rounds."""
    return float(outcome.loss[-LAST_ROUNDS:].mean())


def paired_ratio(runs: Sequence[Outcome], baselines: Sequence[Outcome]) -> Estimate:
    """Return the geometric mean over seeds of loss / baseline loss, with Student's interval of the logarithms."""
    logs = np.log([final_loss(run) / final_loss(base) for run, base in zip(runs, baselines, strict=True)])
    count, mean = len(logs), float(np.mean(logs))
    half = math.nan
    if count > 1:
        half = float(student.ppf(0.975, count - 1) * np.std(logs, ddof=1) / math.sqrt(count))
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half), count)


def goals(study: Study) -> list[Goal]:
    """Return the specification's goals beside what was measured."""
    found = {row.run: row for row in rows(study)}
    return [
        *_of_poisoning(found),
        *(
            _ratio(f"{attack}, update defence, loss / baseline", found, f"{attack}, update defence", "at most", 1.1)
            for attack in study.plan.update_attacks
        ),
        *(
            _ratio(f"{attack}, no defence, loss / baseline", found, f"{attack}, no defence", "at least", 1.1, SHOWN)
            for attack in study.plan.update_attacks
        ),
        _ratio("clean cost of all defences", found, "no attack, live gate, update defence", "at most", 1.02),
    ]


SHOWN: Final = "the failure that the defence is measured against"


def _of_poisoning(found: dict[str, Row]) -> Iterator[Goal]:
    worst = "data-poisoning-2"
    yield _ratio("DP2, no gate, loss / baseline", found, f"{worst}, no gate", "at least", 2.0)
    yield _ratio("DP2, live gate, loss / baseline", found, f"{worst}, live gate", "at most", 1.05)
    for run in found:
        if run.endswith(", live gate") and not run.startswith(("no attack", worst)):
            yield _ratio(f"{run}, loss / baseline", found, run, "at most", 1.05)


def _ratio(name: str, found: dict[str, Row], run: str, direction: Direction, goal: float, note: str = "") -> Goal:
    ratio = found[run].ratio if run in found else UNKNOWN
    return Goal(name, ratio.value, (ratio.low, ratio.high), ratio.n, direction, goal, "ratio", note)


def _row(name: str, runs: Sequence[Outcome], baselines: Sequence[Outcome]) -> Row:
    def mean(of: Sequence[float]) -> float:
        return float(np.mean(of))

    losses = np.mean([one.loss[-LAST_ROUNDS:].mean(axis=0) for one in runs], axis=0)
    tolerances = np.mean([one.tolerance[-LAST_ROUNDS:].mean(axis=0) for one in runs], axis=0)
    return Row(
        run=name,
        ratio=paired_ratio(runs, baselines),
        loss=float(losses.mean()),
        tolerance=float(tolerances.mean()),
        devices=tuple(float(losses[at]) for at in range(DEVICES)),
        tolerances=tuple(float(tolerances[at]) for at in range(DEVICES)),
        poisoned_minutes=mean([float(one.poisoned.sum()) for one in runs]),
        taken=mean([float(one.taken[:, POISONED].sum()) for one in runs]),
        megabytes=mean([one.sent_bytes.sum() / 1e6 for one in runs]),
        cpu_s=mean([float(one.cpu_s.sum()) for one in runs]),
    )
