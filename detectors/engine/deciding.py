"""One decision each of many devices, in arrays: from the last minutes to a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Bools, Floats, Ints
from detectors.baseline.own_past import GROUP, LAG, OwnPast, past_of
from detectors.decisions.votes import KINDS, pushed
from detectors.engine.arrays import (
    GROUPS,
    MIDDLE_BLOCKS,
    DecisionTick,
    DeviceArrays,
    add_waiting,
    read_rows,
)
from detectors.engine.model import Model
from detectors.minutes.cleaning import on_grid
from detectors.minutes.windows import FIRST_MIN, STEP_MIN, WINDOW_MIN, after_enrolment
from detectors.rules import copies
from detectors.scoring.common_scale import NOTHING
from detectors.scoring.components import TailFeatures, components_of, tail_features_of
from detectors.statistics import lattice
from detectors.statistics.base import FAST_MIN, MIDDLE_MIN, SLOW_MIN
from detectors.statistics.registry import columns, statistic_values
from detectors.statistics.windows import FIRST_ROW, DecisionRows, blocks_of

FAST_BLOCKS: Final = FAST_MIN // STEP_MIN
_BLOCKS_AGAIN: Final = np.array([*range(1, FAST_BLOCKS), MIDDLE_BLOCKS])
"""Blocks so many decisions ago whose phases are computed again: those of the last hour, and the one that leaves three hours."""


class Decided(NamedTuple):
    """What R decisions came to, in the order of their ticks.

    `score` float64[R] and `kinds` float64[R, 7] on the rule's scale; `is_judged`: the last hour lies after the enrolment and
    the window is usable; `flagged`, `near` as `states.DecisionBasis` has them; `over_share` of the last four decisions; `error`
    float64[R] mean square of the network's normal scores (NaN: no profile). Of those with a profile, at `place` int64[R] among
    them (-1: none): `tail_features`, the DNNs' raw `logits` float64[., 2], and whether the decision may join a baseline (`keep`).
    """

    score: Floats
    kinds: Floats
    is_judged: Bools
    flagged: Bools
    near: Bools
    over_share: Floats
    error: Floats
    place: Ints
    tail_features: TailFeatures | None
    logits: Floats
    keep: Bools


def decide(model: Model, arrays: DeviceArrays, ticks: Sequence[DecisionTick]) -> Decided:
    """Judge one decision each of distinct slots. Blocks while it computes."""
    slot = np.array([tick.slot for tick in ticks])
    decision = np.array([tick.decision for tick in ticks])
    usable = np.array([tick.is_usable for tick in ticks])
    values = np.full((len(ticks), len(KINDS)), NOTHING)
    values[:, 3] = 0.0
    values[:, 4:] = [(tick.frozen, tick.replay, tick.pulse) for tick in ticks]
    error = np.full(len(ticks), np.nan)
    enrolled = np.flatnonzero(arrays.enrolment_min[slot] > 0)
    tail_features, logits, keep = None, np.empty((0, 2)), np.empty(0, np.bool_)
    if len(enrolled):
        statistics = _statistics(model, arrays, slot[enrolled], decision[enrolled])
        error[enrolled] = statistics.error
        values[enrolled, :4], logits, tail_features = _components(
            model, arrays, slot[enrolled], decision[enrolled], statistics
        )
    arrays.last[slot] = pushed(arrays.last[slot], values)
    judged = model.rule.judge(model.parameters, arrays.last[slot], arrays.threshold[slot])
    after = after_enrolment(decision, arrays.enrolment_min[slot])
    flagged = usable & after & ~(judged.score < arrays.threshold[slot])  # NaN is not benign
    if len(enrolled):
        keep = usable[enrolled] & ~flagged[enrolled]
        joining = enrolled[keep]
        add_waiting(arrays, slot[joining], decision[joining], np.concatenate([statistics.values, logits], axis=1)[keep])
    near = usable & after & (judged.score >= arrays.threshold[slot] - model.rule.margin)
    near |= usable & after & judged.over[:, -2:].all(axis=1)
    place = np.full(len(ticks), -1)
    place[enrolled] = np.arange(len(enrolled))
    return Decided(
        judged.score, judged.kinds, usable & after, flagged, near, judged.over.mean(axis=1), error, place, tail_features,
        logits, keep,
    )  # fmt: skip


def rows_from(arrays: DeviceArrays, slot: Ints, decision: Ints) -> DecisionRows:
    """Return the minutes that decisions read, out of the rings."""
    values, measured = read_rows(arrays, slot, STEP_MIN * decision[:, None] + np.arange(FIRST_ROW, WINDOW_MIN))
    return DecisionRows(
        on_grid(values, arrays.grid_bpm[slot][:, None]), measured.astype(np.float32), decision,
        arrays.median[slot], arrays.scale[slot], arrays.grid_bpm[slot], arrays.unchanged_share[slot],
        arrays.residual_size[slot], arrays.context[slot],
    )  # fmt: skip


class _BlockStatistics(NamedTuple):
    values: Floats
    nats: Floats
    error: Floats


def _statistics(model: Model, arrays: DeviceArrays, slot: Ints, decision: Ints) -> _BlockStatistics:
    """Put each decision's block into the rings and return the statistics float64[R, C] that end there."""
    rows = rows_from(arrays, slot, decision)
    errors = model.network_errors(rows)
    blocks = blocks_of(rows, errors)
    evidence = copies.block_evidence(rows)
    before = (decision[:, None] - np.arange(1, FAST_BLOCKS)) % arrays.terms.shape[1]
    sums = {
        FAST_MIN: arrays.terms[slot[:, None], before].sum(axis=1, dtype=np.float64) + blocks.terms,
        SLOW_MIN: arrays.terms[slot].sum(axis=1, dtype=np.float64) + blocks.terms,
    }
    phases = _phases(arrays, slot, decision, blocks.phases)
    nats = copies.nats_of(arrays.copies[slot].sum(axis=1, dtype=np.float64) + evidence)
    arrays.terms[slot, decision % arrays.terms.shape[1]] = blocks.terms
    arrays.copies[slot, decision % arrays.copies.shape[1]] = evidence
    mean_square = (
        np.full(len(slot), np.nan) if errors is None else np.square(errors, dtype=np.float64).mean(axis=(1, 2))
    )
    return _BlockStatistics(statistic_values(sums, phases), nats, mean_square)


def _phases(arrays: DeviceArrays, slot: Ints, decision: Ints, new: NDArray[np.int16]) -> dict[int, NDArray[np.int32]]:
    """Return the phases int32[R, 2, 144] of the last hour and of the last three, each decision's own block `new` included."""
    before = decision[:, None] - _BLOCKS_AGAIN
    at = STEP_MIN * before[:, :, None] + np.arange(FIRST_MIN, FIRST_MIN + STEP_MIN)
    values, measured = read_rows(arrays, slot, at.reshape(len(slot), -1))
    measured &= at.reshape(len(slot), -1, 1) >= FIRST_MIN  # before the stream there was no block
    grid = arrays.grid_bpm[slot][:, None]
    steps = np.rint(on_grid(values, grid) / grid).astype(np.int64)
    blocks = lattice.block_phases(steps.reshape(-1, STEP_MIN, 2), measured.reshape(-1, STEP_MIN, 2))
    again = blocks.reshape(*before.shape, *blocks.shape[1:])
    arrays.phases[slot] += new
    arrays.phases[slot] -= again[:, -1]
    return {FAST_MIN: again[:, :-1].sum(axis=1, dtype=np.int32) + new, MIDDLE_MIN: arrays.phases[slot]}


def _components(
    model: Model, arrays: DeviceArrays, slot: Ints, decision: Ints, statistics: _BlockStatistics
) -> tuple[Floats, Floats, TailFeatures]:
    """Return (what is voted on float64[R, 4], raw logits float64[R, 2], tail_features) against the device's own past."""
    _join(arrays, slot, decision)
    past = past_of(arrays.count[slot][:, None].astype(np.float64), arrays.total[slot], arrays.squares[slot])
    judged = len(columns())
    own = OwnPast(past.mean[:, :judged], past.sd[:, :judged], past.decisions)
    tail_features = tail_features_of(model.parameters, statistics.values, own)
    logits, score = components_of(model.parameters.classifiers, tail_features)
    values = np.column_stack([logits - past.mean[:, judged:], score, statistics.nats / copies.LIMIT_NATS])
    return values, logits, tail_features


def _join(arrays: DeviceArrays, slot: Ints, decision: Ints) -> None:
    """Let the group that is old enough now join the baseline. It is due at every eighth decision."""
    due = slot[decision % GROUP == 0]
    group = (decision[decision % GROUP == 0] - LAG) // GROUP - 1
    due, group = due[group >= 0], group[group >= 0] % GROUPS
    arrays.count[due] += arrays.waiting_count[due, group]
    arrays.total[due] += arrays.waiting[due, group, 0]
    arrays.squares[due] += arrays.waiting[due, group, 1]
    arrays.waiting_count[due, group] = 0
    arrays.waiting[due, group] = 0
