"""What the federations amount to: losses against the baseline's, seed by seed, goals, and what was kept out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from experiments.common.estimates import UNKNOWN, Direction, Estimate, Goal, students_interval
from experiments.federation.engine import Outcome
from experiments.federation.plan import (
    BASELINE,
    DEVICES,
    FLIP,
    FLIPPED,
    OTHER_NETWORKS,
    POISONED,
    WORST,
    Plan,
    baseline_of,
    runs,
)
from experiments.federation.study import Study

LAST_ROUNDS: Final = 3  # a single round's loss moves by a few percent


@dataclass(frozen=True, slots=True)
class Row:
    """A run over its seeds. `ratio` is its loss in units of its task's baseline with the same seed, the others are means over seeds.

    `accuracy` is the share of right answers (`federation_tasks`); `devices` are final losses by device; `poisoned_minutes` those
    trained on over all rounds; `taken` counts Dev2's updates.
    """

    run: str
    ratio: Estimate
    loss: float
    accuracy: float
    devices: tuple[float, ...]
    accuracies: tuple[float, ...]
    poisoned_minutes: float
    taken: float
    megabytes: float
    cpu_s: float


def rows(study: Study) -> list[Row]:
    """Return a row a run, in the order of the plan."""
    asked = {run.name: run for run in runs(study.plan)}
    return [_row(name, outcomes, study.outcomes[baseline_of(asked[name])]) for name, outcomes in study.outcomes.items()]


def final_loss(outcome: Outcome) -> float:
    """Return the mean squared error over all devices' held-out hours after the last rounds."""
    return float(outcome.loss[-LAST_ROUNDS:].mean())


def final_accuracy(outcome: Outcome) -> float:
    """Return the share of right answers over all devices' held-out hours after the last rounds."""
    return float(outcome.accuracy[-LAST_ROUNDS:].mean())


def paired_ratio(attacked: Sequence[Outcome], baselines: Sequence[Outcome]) -> Estimate:
    """Return the geometric mean over seeds of loss / baseline loss, with Student's interval of the logarithms."""
    logs = np.log([final_loss(run) / final_loss(base) for run, base in zip(attacked, baselines, strict=True)])
    mean = students_interval(logs)
    return Estimate(math.exp(mean.value), math.exp(mean.low), math.exp(mean.high), len(logs))


def goals(study: Study) -> list[Goal]:
    """Return the specification's goals beside what was measured."""
    by_run = {row.run: row for row in rows(study)}
    return [
        *_of_poisoning(study.plan, by_run),
        *(
            _ratio(f"{attack}, update defence, loss / baseline", by_run, f"{attack}, update defence", "at most", 1.1)
            for attack in study.plan.update_attacks
        ),
        *(
            _ratio(f"{attack}, no defence, loss / baseline", by_run, f"{attack}, no defence", "at least", 1.1, SHOWN)
            for attack in study.plan.update_attacks
        ),
        *_of_labels(study),
        _ratio("clean cost of all defences", by_run, "no attack, live gate, update defence", "at most", 1.02),
    ]


SHOWN: Final = "the failure that the defence is measured against"


def _of_poisoning(plan: Plan, by_run: dict[str, Row]) -> Iterator[Goal]:
    for network in ("", *(f"{task}, " for task in OTHER_NETWORKS)):
        yield _ratio(f"{network}DP2, no gate, loss / baseline", by_run, f"{network}{WORST}, no gate", "at least", 2.0)
        for run in (
            f"{network}{attack}, live gate" for attack in plan.attacks if f"{network}{attack}, live gate" in by_run
        ):
            yield _ratio(f"{run}, loss / baseline", by_run, run, "at most", 1.05)


def _of_labels(study: Study) -> Iterator[Goal]:
    clean = study.outcomes[f"classification, {BASELINE}"]
    bare = study.outcomes[f"{FLIP}, no gate"]
    for way in ("live gate, update defence", "oracle gate"):
        value = recovered(clean, bare, study.outcomes[f"{FLIP}, {way}"])
        name = f"{FLIP} by {FLIPPED} of {DEVICES}, {way}, accuracy recovered"
        yield Goal(name, value.value, (value.low, value.high), value.n, "at least", 0.85, "share", "")


def recovered(clean: Sequence[Outcome], bare: Sequence[Outcome], defended: Sequence[Outcome]) -> Estimate:
    """Return which share of the accuracy that an attack costs a defence brings back: the mean over seeds, with Student's interval.

    Unknown unless the attack costs every seed something.
    """
    accuracy = np.array([[final_accuracy(outcome) for outcome in of] for of in (clean, bare, defended)])
    cost = accuracy[0] - accuracy[1]
    if (cost <= 0).any():
        return UNKNOWN
    return students_interval((accuracy[2] - accuracy[1]) / cost)


def _ratio(name: str, by_run: dict[str, Row], run: str, direction: Direction, goal: float, note: str = "") -> Goal:
    ratio = by_run[run].ratio if run in by_run else UNKNOWN
    return Goal(name, ratio.value, (ratio.low, ratio.high), ratio.n, direction, goal, "ratio", note)


def _row(name: str, outcomes: Sequence[Outcome], baselines: Sequence[Outcome]) -> Row:
    def mean(of: Sequence[float]) -> float:
        return float(np.mean(of))

    losses = np.mean([outcome.loss[-LAST_ROUNDS:].mean(axis=0) for outcome in outcomes], axis=0)
    accuracies = np.mean([outcome.accuracy[-LAST_ROUNDS:].mean(axis=0) for outcome in outcomes], axis=0)
    return Row(
        run=name,
        ratio=paired_ratio(outcomes, baselines),
        loss=float(losses.mean()),
        accuracy=float(accuracies.mean()),
        devices=tuple(float(losses[at]) for at in range(DEVICES)),
        accuracies=tuple(float(accuracies[at]) for at in range(DEVICES)),
        poisoned_minutes=mean([float(outcome.poisoned.sum()) for outcome in outcomes]),
        taken=mean([float(outcome.taken[:, POISONED].sum()) for outcome in outcomes]),
        megabytes=mean([outcome.sent_bytes.sum() / 1e6 for outcome in outcomes]),
        cpu_s=mean([float(outcome.cpu_s.sum()) for outcome in outcomes]),
    )
