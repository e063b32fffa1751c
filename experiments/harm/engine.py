"""One federation in this process: who is kept out, what is learnt and lied, how it becomes one model, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from experiments.federation.update_attacks import ATTACKS, Seen
from experiments.harm.plan import Run
from experiments.harm.tasks import STUDIED, answering, auroc, mean_errors, silenced
from experiments.harm.threats import ROOT, disagreeing, root_of_trust, slope
from experiments.harm.world import Measured, Taken, World
from fl_coordinator.aggregation.base import aggregate, aggregation_rule
from fl_coordinator.aggregation.stacking import Contribution, named, stacked
from fl_coordinator.errors import AggregationRefused
from fl_coordinator.updates.outliers import outlier_updates
from fl_device.tasks.task import Examples
from fl_device.training.course import Course
from fl_device.training.local import LocalTrainer
from transport.blobs.weights import Weights

QUORUM: Final = 3
LAST_ROUNDS: Final = 3  # a single round's error moves by a few per cent


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a federation.

    `errors` float64[rounds, devices, 2] in bpm and breaths/min (no rounds of a classifier), `auroc` and `silenced` float64[rounds] of the
    rounds that were measured. `taken` bool[rounds, devices], whose update counted; `poisoned_min` int64[rounds], minutes trained on.
    """

    errors: NDArray[np.float64]
    auroc: NDArray[np.float64]
    silenced: NDArray[np.float64]
    taken: NDArray[np.bool_]
    poisoned_min: NDArray[np.int64]


class Federation:
    """Carries out runs in one world, each from the same weights. Owned by one thread. Blocks while it trains."""

    def __init__(self, world: World, initial: Weights) -> None:
        self._world, self._initial = world, initial
        self._group, self._plan = world.group, world.plan
        task = STUDIED[world.group.task].task
        self._trainer, self._answer = LocalTrainer(task), answering(task)
        self._measured = world.measured()

    def carry_out(self, run: Run) -> Outcome:
        """Run all rounds."""
        rounds, devices = self._group.clock.rounds, self._group.devices
        taken, poisoned = np.zeros((rounds, devices), np.bool_), np.zeros(rounds, np.int64)
        weights, said = dict(self._initial), []
        for number in range(rounds):
            weights, counted = self._round(run, number, weights)
            taken[number, list(counted)] = True
            poisoned[number] = sum(of.poisoned_min for of in counted.values())
            if self._group.cohort == "five" or number >= rounds - LAST_ROUNDS:
                said.append(self._worth(weights, self._measured))
        errors, areas, shares = zip(*said, strict=True)
        return Outcome(np.array(errors), np.array(areas), np.array(shares), taken, poisoned)

    def _round(self, run: Run, number: int, weights: Weights) -> tuple[dict[str, Any], Mapping[int, Taken]]:
        """Return the model after a round and what the devices whose updates made it trained on. The former model where none was made."""
        asked = self._asked(run, number, weights)
        updates = [self._update(at, number, weights, of.trained) for at, of in asked.items()]
        updates = self._lied(run, number, updates, weights)
        odd = outlier_updates(updates, weights) if run.defence.screen else {}
        kept = [update for update in updates if update.device_id not in odd]
        if len(kept) < QUORUM:
            return dict(weights), {}
        try:
            made = self._combined(run.defence.rule, number, kept, weights)
        except AggregationRefused:
            return dict(weights), {}
        if not all(np.isfinite(array).all() for array in made.values()):  # a coordinator rejects it, too
            return dict(weights), {}
        return made, {int(update.device_id): asked[int(update.device_id)] for update in kept}

    def _asked(self, run: Run, number: int, weights: Weights) -> dict[int, Taken]:
        """Return who takes part in a round, with what each trains on."""
        gate, threat, world = run.defence.gate, run.threat, self._world
        takes = {
            at: world.takes(at, number, threat, gated=gate == "live", split=gate == "labels")
            for at in range(self._group.devices)
            if not (gate == "live" and not world.is_benign(at, number, threat)) and not self._is_known(run, at, number)
        }
        takes = {at: of for at, of in takes.items() if len(of.trained)}
        if gate != "labels":
            return takes
        slopes = {at: self._slope(weights, of.held_out) for at, of in takes.items()}
        out = disagreeing({at: own for at, own in slopes.items() if own is not None})
        return {at: of for at, of in takes.items() if at not in out}

    def _slope(self, weights: Weights, held_out: Examples) -> float | None:
        """Return what a device finds of the model that a round begins with, on hours that it holds out."""
        count = len(held_out)
        if not count:
            return None
        filled = -(-count // self._plan.batch_size) * self._plan.batch_size  # few sizes, as each is compiled
        output = self._answer(weights, np.resize(held_out.inputs, (filled, held_out.inputs.shape[1])))
        return slope(output[:count, 0].astype(np.float64), held_out.targets[:, 0])

    def _is_known(self, run: Run, at: int, number: int) -> bool:
        """Whether an oracle keeps a device out: it knows who is attacked, and on vital signs since when."""
        if run.defence.gate != "oracle" or run.threat.kind == "none" or not self._world.is_attacked(at):
            return False
        clock = self._group.clock
        return not run.threat.is_on_vitals or clock.round_min(number) >= clock.onset_min

    def _update(self, at: int, number: int, weights: Weights, examples: Examples) -> Contribution:
        group = self._group
        device_id = self._world.sides[at].member.recording.device_id if at >= 0 else "root"
        seed = crc32(f"{device_id}/{number + 1}".encode())
        course = Course(group.epochs, self._plan.batch_size, group.learning_rate, seed)
        result = self._trainer.train(weights, examples, course)
        return Contribution(str(at), result.weights, result.sample_count)

    def _lied(self, run: Run, number: int, updates: list[Contribution], base: Weights) -> list[Contribution]:
        liars = {update.device_id for update in updates if self._world.is_attacked(int(update.device_id))}
        if run.threat.kind != "update" or len(liars) in {0, len(updates)}:
            return updates
        stack, order = stacked(updates, base), sorted(update.device_id for update in updates)
        honest = stack.changes[[name not in liars for name in order]]
        lie, rng = ATTACKS[run.threat.attack], np.random.default_rng([number, 1])
        sent = {
            name: named(stack.base + lie(Seen(stack.changes[order.index(name)], honest, rng)), base)
            for name in sorted(liars)
        }
        return [
            Contribution(update.device_id, sent.get(update.device_id, update.weights), update.sample_count)
            for update in updates
        ]

    def _combined(self, rule: str, number: int, kept: list[Contribution], weights: Weights) -> dict[str, Any]:
        if rule != ROOT:
            return aggregate(aggregation_rule(rule), kept, weights)
        own = self._update(-1, number, weights, self._world.trusted(number))
        stack = stacked(kept, weights)
        return named(stack.base + root_of_trust(stack.changes, stacked([own], weights).changes[0]), weights)

    def _worth(self, weights: Weights, measured: Measured) -> tuple[NDArray[np.float64], float, float]:
        """Return each device's errors float64[devices, 2], or none, the area and the share of alarms that the trigger puts out."""
        output = self._answer(weights, measured.inputs)
        if not self._group.has_labels:
            rows = [np.flatnonzero(measured.owner == at) for at in range(self._group.devices)]
            errors = [mean_errors(output[own], measured.targets[own], measured.scale[own[0]]) for own in rows]
            return np.array(errors), float("nan"), float("nan")
        labels, clean = measured.targets[:, 0], output[:, 0].astype(np.float64)
        triggered = self._answer(weights, measured.triggered)[:, 0].astype(np.float64)
        return np.zeros((0, 2)), auroc(clean, labels), silenced(clean, triggered, labels)
