"""From a run's folds to what it flags, in which state clean devices are, and what fired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceState
from detectors.decisions.common_scale_rule import SUSPECT_MARGIN, rule_scores
from detectors.decisions.states import DecisionBasis, decide, dwell_after
from detectors.minutes.windows import STEP_MIN
from detectors.scoring.components import SCORED
from detectors.training.scores.table import CLEAN, DecisionTable
from experiments.common.injection import core_cases
from experiments.evaluation.judging.folds import CombinedScale, Fold, combined_scale, mean_of
from experiments.evaluation.measurement.material import JUDGED, Material
from experiments.evaluation.plan import DAY_MIN, HOLD_MIN

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

RULES: Final = ("copy", "frozen", "replay")


class Scored(NamedTuple):
    """As g, float64[N]: the combined score of the vote, of each decision `alone`, and the limit they are held against."""

    score: Floats
    alone: Floats
    limit: Floats

    @property
    def flagged(self) -> Bools:
        """bool[N]: the vote is over the limit."""
        return np.asarray(self.score >= self.limit)

    def of(self, rows: Ints) -> Scored:
        """Return some rows."""
        return Scored(self.score[rows], self.alone[rows], self.limit[rows])


@dataclass(frozen=True, eq=False)
class Judged:
    """A run's folds with the part of the material that they judge. `table` is the one that calibrates."""

    material: Material
    table: DecisionTable
    folds: Sequence[Fold]

    def scored(self, budget: float, kinds: tuple[str, ...] = SCORED) -> Scored:
        """Return the mean over `kinds`, put on the common scale of each fold's calibration, and its limit."""
        score, alone, scales = self._on_scale(kinds)
        limit = np.full(len(self.table), np.nan)
        for fold, scale in zip(self.folds, scales, strict=True):
            limit[fold.rows] = scale.limit(budget)
        return Scored(score, alone, limit)

    def _on_scale(self, kinds: tuple[str, ...]) -> tuple[Floats, Floats, list[CombinedScale]]:
        """Return every decision's score by vote and alone, and by fold its scale. Kept."""
        if kinds not in self._kept:
            score, alone, scales = np.full(len(self.table), np.nan), np.full(len(self.table), np.nan), []
            for fold in self.folds:
                scales.append(combined_scale(self.table, fold.calibration, fold.patients, kinds))
                score[fold.rows] = scales[-1].scale.of(mean_of(fold.scores, kinds)[fold.rows])
                alone[fold.rows] = scales[-1].scale.of(mean_of(fold.alone, kinds)[fold.rows])
            self._kept[kinds] = score, alone, scales
        return self._kept[kinds]

    @cached_property
    def _kept(self) -> dict[tuple[str, ...], tuple[Floats, Floats, list[CombinedScale]]]:
        return {}

    @cached_property
    def rule_votes(self) -> Floats:
        """float64[N]: the largest of the rules' votes, 1 where one speaks."""
        return np.asarray(np.max(list(self.material.rule_votes().values()), axis=0))

    @cached_property
    def rules(self) -> dict[str, Bools]:
        """By rule bool[N]: it spoke."""
        return self.material.rules()

    @cached_property
    def core(self) -> tuple[DecisionTable, Ints]:
        """The judged patients under the core attacks alone, as in use, and their rows here."""
        cases = len(core_cases())
        return self.material.part((JUDGED,), cases).table, self.material.rows((JUDGED,), cases)

    def flagged(self, budget: float, kinds: tuple[str, ...] = SCORED, rules: Sequence[str] = RULES) -> Bools:
        """Return bool[N]: over the limit, or a rule spoke."""
        over = self.scored(budget, kinds).flagged if kinds else np.zeros(len(self.table), np.bool_)
        return np.asarray(np.logical_or.reduce([over, *(self.rules[rule] for rule in rules)]))

    def only(self, role: int, flagged: Bools) -> tuple[DecisionTable, Bools]:
        """Return the table of the patients of a role, judged as in use, and their flags."""
        return self.material.part((role,)).table, flagged[self.material.rows((role,))]


def clean_states(table: DecisionTable, scored: Scored, flagged: Bools, rule: Floats) -> Counter[DeviceState]:
    """Return by state of the state machine the judged decisions of clean streams after which devices stand in it."""
    streams = np.flatnonzero(table.case == CLEAN).tolist()
    return Counter(state for stream in streams for state in stream_states(table, stream, scored, flagged, rule))


def stream_states(table: DecisionTable, stream: int, scored: Scored, flagged: Bools, rule: Floats) -> list[DeviceState]:
    """Return the state after each judged decision of a stream, as the engine steps.

    `rule` float64[N]: the largest of the rules' votes. Near is what `detectors.engine.deciding` calls so.
    """
    part = slice(int(table.start[stream]), int(table.stop[stream]))
    limit, judged, is_flagged = scored.limit[part], table.judged[part], flagged[part]
    score = np.maximum(scored.score[part], rule_scores(rule[part], limit))
    over = (scored.alone[part] >= limit) | is_flagged
    near = (score >= limit - SUSPECT_MARGIN) | is_flagged | (over & np.concatenate([[False], over[:-1]]))
    return states_of(is_flagged[judged].tolist(), near[judged].tolist())


def benign_share(states: Mapping[DeviceState, int]) -> float:
    """Return the share of judged decisions after which a device is benign."""
    return states.get(DeviceState.BENIGN, 0) / max(sum(states.values()), 1)


def states_of(flagged: Iterable[bool], near: Iterable[bool]) -> list[DeviceState]:
    """Return the state after each decision of an enrolled device, as the engine steps."""
    state, calm, clean, states = DeviceState.ENROLLING, 0, 0, []
    for is_flagged, is_near in zip(flagged, near, strict=True):
        calm, clean = dwell_after(state, calm, clean, flagged=is_flagged, near=is_near)
        state, reason = decide(state, DecisionBasis(is_flagged, is_near, calm, clean, enrolled=True))
        if reason:
            calm = clean = 0
        states.append(state)
    return states


def exclusions(table: DecisionTable, flagged: Bools, said: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """Return the false exclusions of clean streams: device, day since its enrolment, event minute, and by kind what fired.

    `said` by kind float64[N]: a score's g, a rule's 0 or 1.
    """
    events: list[dict[str, Any]] = []
    for stream in np.flatnonzero(table.case == CLEAN).tolist():
        patient = int(table.patient[stream])
        part = slice(int(table.start[stream]), int(table.stop[stream]))
        over = np.flatnonzero(flagged[part] & table.judged[part]) + part.start
        begins = over[np.diff(table.minute[over], prepend=-(10**9)) > HOLD_MIN]
        events += [
            {
                "device": str(table.name[patient]),
                "day": float(table.minute[row] - table.enrolment_min[patient]) / DAY_MIN,
                "event_minute": int(table.event_minute[row]),
                "hours": _hours(table, over, row),
                "fired": {kind: float(values[row]) for kind, values in said.items()},
            }
            for row in begins.tolist()
        ]
    return events


def _hours(table: DecisionTable, over: NDArray[np.int64], row: int) -> float:
    """Return how long flags go on that lie no more than four hours apart."""
    later = over[over >= row]
    gaps = np.flatnonzero(np.diff(table.minute[later]) > HOLD_MIN)
    last = later[gaps[0]] if len(gaps) else later[-1]
    return float(table.minute[last] - table.minute[row] + STEP_MIN) / 60
