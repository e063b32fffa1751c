"""A device as a record, and back: what another process needs to go on as if nothing had happened."""

from __future__ import annotations

from typing import Final

import numpy as np

from contracts.messages.verdicts import BaselineSnapshot, DeviceSnapshot, DeviceState
from detectors.array_types import Floats, Floats32, Ints
from detectors.baseline.own_past import GROUP, baseline_end, enrolment_decisions
from detectors.decisions.votes import KEPT, KINDS
from detectors.engine.arrays import (
    RING,
    SLOW_BLOCKS,
    STEPS_A_BPM,
    DeviceArrays,
    RowBuffer,
    WaitingDecisions,
    add_waiting,
    write_rows,
)
from detectors.engine.chunks import MinuteChunk, minutes_of
from detectors.engine.freezing import put_blocks
from detectors.engine.model import Model, profile_from
from detectors.engine.tracker import DeviceTracker
from detectors.minutes.cleaning import CleanMinutes, beside_cut
from detectors.minutes.filling import Row
from detectors.minutes.sampling import LOOKED_AT_MIN
from detectors.minutes.windows import STEP_MIN, WINDOW_MIN, decision_count, decision_minute
from detectors.rules import copies
from detectors.statistics.windows import FIRST_ROW, DecisionRows, blocks_of, rows_of_part, stream_statistics

REPLAYED_MIN: Final = max(RING, *LOOKED_AT_MIN)
"""Valid minutes that an enrolled device's ring and its share of filled minutes rest on. Of those before only the time counts."""
MARGIN_MIN: Final = 30
"""Read back before the first minute that is needed, so that a gap before it closes as it did."""


def first_block(first_waiting: int) -> int:
    """Return the first decision whose block is needed again: six hours before the first that waits."""
    return max(0, first_waiting - (SLOW_BLOCKS - 1))


def waiting_from(decision: int, enrolment_min: int) -> int:
    """Return the first decision that has not joined the baseline when `decision` is made."""
    end: Ints = baseline_end(np.array([decision]), enrolment_decisions(enrolment_min))
    return int(end[0])


def snapshot_of(tracker: DeviceTracker, arrays: DeviceArrays) -> DeviceSnapshot:
    """Return all that decides a device's next verdict, except the vitals themselves."""
    intake = tracker.intake
    return DeviceSnapshot(
        session_id=tracker.session_id,
        applied_through=intake.applied_through,
        standing=tracker.voted_state,
        state=tracker.state,
        state_since=tracker.state_since,
        seen_mask=intake.seen_mask,
        stream_start=tracker.stream_start,
        valid_minutes=tracker.valid_minutes,
        last_valid_minute=tracker.minutes.last,
        history_from=_history_from(tracker),
        votes=arrays.last[tracker.slot].astype("<f8").tobytes(),
        explanation=tracker.explanation,
        calm_min=tracker.calm_min,
        clean_min=tracker.clean_min,
        last_scored=tracker.last_scored,
        profile=tracker.profile,
        baseline=_baseline(tracker, arrays) if tracker.profile else None,
        invalid_in_row=tracker.invalid_in_row,
        finished=tracker.finished,
    )


def votes_from(snapshot: DeviceSnapshot) -> Floats:
    """Return float64[4, 7], the last four decisions of a snapshot."""
    return np.frombuffer(snapshot.votes, "<f8").reshape(KEPT, len(KINDS))


def load_baseline(arrays: DeviceArrays, slot: int, record: BaselineSnapshot, values: Floats) -> None:
    """Put a baseline into a slot. `values` float64[w, C] are the statistics of the decisions that wait, computed again."""
    arrays.count[slot] = record.count
    arrays.total[slot] = np.frombuffer(record.total, "<f8")
    arrays.squares[slot] = np.frombuffer(record.squares, "<f8")
    logits = np.frombuffer(record.waiting_logits, "<f8").reshape(-1, 2)
    kept = np.array([record.kept_mask >> place & 1 for place in range(len(logits))], np.bool_)
    decision, rows = record.first_waiting + np.flatnonzero(kept), np.concatenate([values, logits], axis=1)[kept]
    for turn in range(GROUP):  # one of each group at a time, in their order
        now = decision % GROUP == turn
        add_waiting(arrays, np.full(np.count_nonzero(now), slot), decision[now], rows[now])


def waiting_of(record: BaselineSnapshot) -> WaitingDecisions:
    """Return the waiting decisions of a record."""
    return WaitingDecisions(
        record.first_waiting, np.frombuffer(record.waiting_logits, "<f8").tolist(), record.kept_mask
    )


def _baseline(tracker: DeviceTracker, arrays: DeviceArrays) -> BaselineSnapshot:
    slot, waiting = tracker.slot, tracker.waiting
    return BaselineSnapshot(
        count=int(arrays.count[slot]),
        total=arrays.total[slot].astype("<f8").tobytes(),
        squares=arrays.squares[slot].astype("<f8").tobytes(),
        first_waiting=waiting.first,
        waiting_logits=np.array(waiting.logits, "<f8").tobytes(),
        kept_mask=waiting.kept_mask,
    )


def _history_from(tracker: DeviceTracker) -> int | None:
    """Return the event minute from which the vitals are needed again."""
    if tracker.stream_start is None:
        return None
    if tracker.profile is None:
        return tracker.stream_start - MARGIN_MIN
    wanted = first_block(tracker.waiting.first) - 2
    return (tracker.stream_start if wanted < 0 else tracker.minutes.at(STEP_MIN * wanted)) - MARGIN_MIN


HISTORY_GONE = "the vitals that its baseline rests on are gone; it enrols again"


class Restoration:
    """A device between `open` and its first minute: takes the vitals read back, then goes on from the snapshot."""

    def __init__(self, tracker: DeviceTracker, snapshot: DeviceSnapshot) -> None:
        self._tracker = tracker
        self._snapshot = snapshot
        self._rows: list[Row] = []
        self._pulse_bpm: list[float | None] = []
        self._through = -1

    def fill(self, chunk: MinuteChunk) -> None:
        """Take read-back minutes in the order of the topic. Those after the snapshot are left out, nothing is judged."""
        start = self._snapshot.stream_start
        intake, enrols = self._tracker.intake, self._tracker.enrolment is not None
        for event_minute, vitals in enumerate(minutes_of(chunk), chunk.first_event_minute):
            if event_minute > intake.applied_through or event_minute <= self._through:
                continue
            self._through = event_minute
            for row in intake.push(event_minute, *vitals):
                if start is not None and row[0] >= start:
                    self._rows.append(row)
                    self._pulse_bpm.append(intake.pulse_gap_bpm(event_minute) if enrols else None)

    def end(self, model: Model, arrays: DeviceArrays) -> None:
        """Go on from the snapshot. Without the vitals that it rests on, the device enrols again."""
        snapshot, tracker = self._snapshot, self._tracker
        arrays.last[tracker.slot] = votes_from(snapshot) if snapshot.votes else arrays.last[tracker.slot]
        if snapshot.stream_start is None or snapshot.last_valid_minute is None:
            return
        counted = [row for row in self._rows if row[0] <= snapshot.last_valid_minute]
        first = snapshot.valid_minutes - len(counted)
        if first < 0 or not self._is_enough(first):
            self._void(arrays)
            return
        if tracker.is_enrolling:  # it began under a longer one, if the setting was changed: it ends with what it has
            tracker.wanted_min = max(tracker.wanted_min, snapshot.valid_minutes)
        self._replay(counted, first, arrays)
        tracker.deferred = self._rows[len(counted) :]
        tracker.stream_start = snapshot.stream_start
        if snapshot.profile is not None and snapshot.baseline is not None:
            arrays.take_profile(tracker.slot, profile_from(snapshot.profile), snapshot.profile.threshold)
            self._restore_blocks(model, arrays, counted, first)
        judged = model.rule.judge(model.parameters, arrays.last[[tracker.slot]], arrays.threshold[[tracker.slot]])
        tracker.over_share = float(judged.over[0].mean())

    def _is_enough(self, first: int) -> bool:
        """Return whether the valid minutes from index `first` on are all that are needed."""
        record = self._snapshot.baseline
        if self._snapshot.profile is None or record is None:
            return first == 0
        return first <= max(0, STEP_MIN * first_block(record.first_waiting) + FIRST_ROW)

    def _void(self, arrays: DeviceArrays) -> None:
        tracker = self._tracker
        arrays.clear(tracker.slot)
        had_profile, tracker.profile = tracker.profile is not None, None
        tracker.begin_anew()
        if had_profile and tracker.voted_state is not DeviceState.QUARANTINED:
            tracker.move_to(DeviceState.ENROLLING, "")
            tracker.state, tracker.state_since = DeviceState.ENROLLING, tracker.intake.applied_through
            tracker.explanation = HISTORY_GONE

    def _replay(self, counted: list[Row], first: int, arrays: DeviceArrays) -> None:
        """Append the valid minutes as they were appended once. No decision falls."""
        tracker, rows = self._tracker, RowBuffer()
        tracker.start_stream()
        known = 0 if tracker.enrolment is not None else max(0, len(counted) - REPLAYED_MIN)
        for index, row in enumerate(counted[:known], first):
            tracker.minutes.append(index, row[0])
        tracker.valid_minutes = first + known
        for row, apart_bpm in zip(counted[known:], self._pulse_bpm[known:], strict=False):
            tracker.append(row, rows)
            past = tracker.valid_minutes - WINDOW_MIN
            if past >= 0 and past % STEP_MIN == 0:
                tracker.too_sparse = tracker.filled.too_sparse
                if apart_bpm is not None and tracker.enrolment is not None:
                    tracker.enrolment.pulse_medians_bpm.append(apart_bpm)
        rows.cuts.clear()  # of the row before the first of them, whose place the last ones have taken
        write_rows(arrays, rows)

    def _restore_blocks(self, model: Model, arrays: DeviceArrays, counted: list[Row], first: int) -> None:
        """Compute the blocks of the last hours again, and the statistics of the decisions that wait for the baseline."""
        record, profile = self._snapshot.baseline, self._snapshot.profile
        assert record is not None
        assert profile is not None
        start = first_block(record.first_waiting)
        decisions = np.arange(start, decision_count(self._snapshot.valid_minutes))
        unread = max(0, STEP_MIN * start + FIRST_ROW - 1 - first)
        table, first = np.array(counted[unread:], np.float64), first + unread
        minutes = _clean(table)
        rows = rows_of_part(minutes.values, minutes.weight, profile_from(profile), decisions, first)
        late = decision_minute(decisions) >= profile.enrolment_min - 1
        rows.weight[late, -1] = _weight_on_arrival(table, decision_minute(decisions[late]) - first)
        blocks = blocks_of(rows, model.network_errors(rows))
        slot = self._tracker.slot
        last = DecisionRows._make(part[-copies.BLOCKS :] for part in rows)  # no more of the evidence is kept
        put_blocks(arrays, slot, start + len(decisions), blocks, copies.block_evidence(last))
        load_baseline(arrays, slot, record, stream_statistics(blocks)[record.first_waiting - start :])
        self._tracker.waiting = waiting_of(record)


def _weight_on_arrival(rows: Floats, at: Ints) -> Floats32:
    """Return float32[k, 2] of the rows at these places as a decision that ends there saw them: a cut after it was not known."""
    is_next = rows[at, 0] == rows[at - 1, 0] + 1
    return np.asarray(rows[at, 3:] * is_next[:, None], np.float32)


def _clean(rows: Floats) -> CleanMinutes:
    """Return valid minutes, `Row`s as float64[n, 5], hundredths as the rings hold them. Minutes beside a cut weigh nothing."""
    event_minute = rows[:, 0].astype(np.int64)
    steps = np.rint(rows[:, 1:3] * STEPS_A_BPM)
    weight = rows[:, 3:].astype(np.float32)
    observed = np.asarray(weight.all(axis=1))
    weight[beside_cut(event_minute)] = 0
    return CleanMinutes(steps / STEPS_A_BPM, weight, event_minute, observed)
