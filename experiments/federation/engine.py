"""One federation in this process: the coordinator's own gate rule, screen and aggregation, the devices' own training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import process_time
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from experiments.federation.plan import LEVEL, POISONED, Plan, Run
from experiments.federation.tasks import HeldOut, Measure, Studied
from experiments.federation.timeline import Timeline, poisoned_minutes
from experiments.federation.update_attacks import ATTACKS, Seen, liars
from fl_coordinator.aggregation.base import aggregate, aggregation_rule
from fl_coordinator.aggregation.stacking import Contribution, named, stacked
from fl_coordinator.errors import AggregationRefused
from fl_coordinator.rounds.acceptance import is_accepted, median_change, relative_change
from fl_coordinator.updates.outliers import outlier_updates
from fl_device.host.participant import bounded_loss
from fl_device.tasks.label_flip import flip_labels
from fl_device.tasks.task import Examples
from fl_device.training.course import Course
from fl_device.training.local import LocalTrainer
from fl_device.training.own_windows import TrainingWindows
from transport.blobs.weights import Weights, encode_weights

QUORUM = 3
QUANTILES: Final = 101


@dataclass(frozen=True, slots=True)
class World:
    """A seed's five patients: their clean timelines, Dev2's under each attack with its truth bool[minutes].

    `held_out` are clean hours of each, as the task sees them, `initial` the weights it begins with.
    """

    clean: tuple[Timeline, ...]
    attacked: Mapping[str, Timeline]
    poisoned: Mapping[str, NDArray[np.bool_]]
    held_out: tuple[HeldOut, ...]
    first_event_minute: int
    initial: Weights


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a federation, a row a round, a column a device.

    `loss` and `accuracy` (share of right answers) float64[rounds, devices] of the global model after the round; `taken` bool,
    whose update counted; `asked` bool; `poisoned` int64[rounds, devices], poisoned minutes in the windows of updates that counted;
    `change` float64[rounds] is by how much the devices found a round's model worse, NaN where they were not asked.
    `sent_bytes` int64[rounds]; `cpu_s` float64[rounds], local training. `margin` and `error` float32[QUANTILES] are quantiles of
    Dev2's windows as the detector scored them (`Timeline`), empty when it scored none.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    asked: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    poisoned: NDArray[np.int64]
    sent_bytes: NDArray[np.int64]
    cpu_s: NDArray[np.float64]
    change: NDArray[np.float64]
    margin: NDArray[np.float32]
    error: NDArray[np.float32]

    @classmethod
    def empty(cls, rounds: int, devices: int) -> Outcome:
        """Return a course in which nothing has happened yet."""
        shape = (rounds, devices)
        return cls(
            np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_),
            np.zeros(shape, np.int64), np.zeros(rounds, np.int64), np.zeros(rounds), np.full(rounds, np.nan), np.zeros(0, np.float32), np.zeros(0, np.float32),
        )  # fmt: skip


class Federation:
    """Carries out runs in one world. `weights` are those of the last round. Owned by one thread. Blocks while it trains."""

    def __init__(self, studied: Studied, plan: Plan, world: World) -> None:
        self._task, self._plan, self._world = studied.task, plan, world
        self._trainer = LocalTrainer(studied.task)
        self._measure = Measure(studied.task, studied.agreement)
        self.weights: Weights = world.initial

    def carry_out(self, run: Run, report: Callable[[float], None]) -> Outcome:
        """Run all rounds."""
        plan, weights = self._plan, dict(self._world.initial)
        victim = self._line(run, POISONED)
        outcome = replace(
            Outcome.empty(plan.rounds, len(self._world.clean)),
            margin=_quantiles(victim.margin),
            error=_quantiles(victim.error),
        )
        for number in range(plan.rounds):
            weights = self._round(run, number, weights, outcome)
            for at, data in enumerate(self._world.held_out):
                right = self._measure.loss_and_accuracy(weights, data)
                outcome.loss[number, at], outcome.accuracy[number, at] = right
            self.weights = weights
            report((number + 1) / plan.rounds)
        return outcome

    def _round(self, run: Run, number: int, weights: Weights, outcome: Outcome) -> dict[str, Any]:
        windows = {
            at: windows_of for at in range(len(self._world.clean)) if (windows_of := self._windows(run, number, at))
        }
        outcome.asked[number, list(windows)] = True
        started = process_time()
        updates = [self._update(run, at, number, weights, mine) for at, mine in windows.items()]
        outcome.cpu_s[number] = process_time() - started
        size = len(encode_weights(weights))
        outcome.sent_bytes[number] = 2 * size * len(updates)  # the model to each device, its update back
        updates = self._attacked(run, number, updates, weights)
        odd = outlier_updates(updates, weights) if run.screen else {}
        kept = [update for update in updates if update.device_id not in odd]
        if len(kept) < QUORUM:
            return dict(weights)
        try:
            made = aggregate(aggregation_rule(run.rule), kept, weights)
        except AggregationRefused:
            return dict(weights)
        if run.accept:
            outcome.change[number] = self._change(number, list(windows), weights, made)
            if not is_accepted(outcome.change[number], self._plan.tolerance):
                return dict(weights)
        for at in (int(update.device_id) for update in kept):
            outcome.taken[number, at] = True
            outcome.poisoned[number, at] = self._poisoned(run, at, windows[at])
        return made

    def _change(self, number: int, asked: list[int], former: Weights, made: Weights) -> float:
        """Return the median of what the devices find, as those of a round are asked. A device without held-out windows is not."""
        changes = []
        for at in asked:
            line = self._world.clean[at]
            if len(windows := line.moments[number].held_out):
                examples = line.examples(self._task, windows)
                before, after = (
                    bounded_loss(self._trainer.loss(one, examples, self._plan.batch_size)) for one in (former, made)
                )
                changes.append(relative_change(before, after))
        return median_change(changes) if len(changes) >= QUORUM else math.inf

    def _line(self, run: Run, at: int) -> Timeline:
        return self._world.attacked[run.attack] if run.attack and at == POISONED else self._world.clean[at]

    def _windows(self, run: Run, number: int, at: int) -> TrainingWindows | None:
        """Return what a device trains on in a round. None when it takes no part."""
        if run.absent and at == POISONED:
            return None
        moment = self._line(run, at).moments[number]
        if run.gate == "none":
            windows = moment.windows["all"]
        elif run.gate == "live":
            if not moment.benign:
                return None
            windows = moment.windows["but_held_out" if run.accept else "delayed" if run.delay else "at_once"]
        else:
            minute = self._plan.first_round_min + number * self._plan.between_rounds_min
            if (run.attack and at == POISONED and minute >= self._plan.onset_min) or at in _flippers(run):
                return None
            windows = moment.windows["all"]
        return windows if len(windows) else None

    def _update(self, run: Run, at: int, number: int, weights: Weights, windows: TrainingWindows) -> Contribution:
        line, plan = self._world.clean[at], self._plan
        examples = line.examples(self._task, windows)
        if at in _flippers(run):
            flipped = flip_labels(examples.targets[:, 0], LEVEL, number)
            examples = Examples(examples.inputs, flipped.labels[:, None])
        # As fl_device does, so that the same windows give the same update there.
        seed = crc32(f"{line.device_id}/{number + 1}".encode())
        course = Course(plan.local_epochs, plan.batch_size, plan.learning_rate, seed)
        result = self._trainer.train(weights, examples, course)
        return Contribution(str(at), result.weights, result.sample_count)

    def _attacked(self, run: Run, number: int, updates: list[Contribution], base: Weights) -> list[Contribution]:
        if run.update_attack is None:
            return updates
        lying = {str(at) for at in liars(run.update_attack, POISONED, len(self._world.clean))}
        stack = stacked(updates, base)
        order = sorted(update.device_id for update in updates)
        honest = stack.changes[[name not in lying for name in order]]
        rng = np.random.default_rng([number, POISONED])

        def sent(update: Contribution) -> Contribution:
            if update.device_id not in lying:
                return update
            lie = ATTACKS[str(run.update_attack)](Seen(stack.changes[order.index(update.device_id)], honest, rng))
            return Contribution(update.device_id, named(stack.base + lie, base), update.sample_count)

        return [sent(update) for update in updates]

    def _poisoned(self, run: Run, at: int, windows: TrainingWindows) -> int:
        if run.attack is None or at != POISONED:
            return 0
        return poisoned_minutes(windows, self._world.first_event_minute, self._world.poisoned[run.attack])


def _flippers(run: Run) -> range:
    """Return the devices that train on flipped labels."""
    return range(POISONED, POISONED + run.flipped)


def _quantiles(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.quantile(values, np.linspace(0, 1, QUANTILES)).astype(np.float32) if len(values) else values
