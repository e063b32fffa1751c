"""A device as a record, and back: what another process needs to go on as if nothing had happened."""

from __future__ import annotations

import numpy as np

from contracts.verdicts import BaselineSnapshot, DeviceSnapshot
from detectors.baseline.own_past import baseline_end, enrolment_decisions
from detectors.decisions.votes import KEPT, KINDS
from detectors.engine.arrays import SLOW_BLOCKS, DeviceArrays, add_waiting
from detectors.engine.tracker import DeviceTracker
from detectors.engine.waiting import WaitingDecisions
from detectors.minutes.windows import decision_count
from detectors.types import Floats, Ints

MARGIN_MIN = 30
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
        standing=tracker.standing,
        state=tracker.state,
        state_since=tracker.state_since,
        seen_mask=intake.seen_mask,
        stream_start=tracker.stream_start,
        valid_minutes=tracker.valid_minutes,
        last_valid_minute=tracker.recent[-1] if tracker.recent else None,
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
    """Put a baseline into a slot; `values` float64[w, C] are the statistics of the decisions that wait, computed again."""
    arrays.count[slot] = record.count
    arrays.total[slot] = np.frombuffer(record.total, "<f8")
    arrays.squares[slot] = np.frombuffer(record.squares, "<f8")
    logits = np.frombuffer(record.waiting_logits, "<f8").reshape(-1, 2)
    for place, row in enumerate(np.concatenate([values, logits], axis=1)):
        if record.kept_mask >> place & 1:
            add_waiting(arrays, np.array([slot]), np.array([record.first_waiting + place]), row[None])


def waiting_of(record: BaselineSnapshot) -> WaitingDecisions:
    """Return the waiting decisions of a record."""
    waiting = WaitingDecisions(record.first_waiting)
    logits = np.frombuffer(record.waiting_logits, "<f8").reshape(-1, 2)
    waiting.logits = [(float(fast), float(slow)) for fast, slow in logits]
    waiting.kept = [bool(record.kept_mask >> place & 1) for place in range(len(logits))]
    return waiting


def _baseline(tracker: DeviceTracker, arrays: DeviceArrays) -> BaselineSnapshot:
    slot, waiting = tracker.slot, tracker.waiting
    return BaselineSnapshot(
        count=int(arrays.count[slot]),
        total=arrays.total[slot].astype("<f8").tobytes(),
        squares=arrays.squares[slot].astype("<f8").tobytes(),
        first_waiting=waiting.first,
        waiting_logits=np.array(waiting.logits, "<f8").tobytes(),
        kept_mask=sum(kept << place for place, kept in enumerate(waiting.kept)),
    )


def _history_from(tracker: DeviceTracker) -> int | None:
    """Return the event minute from which the vitals are needed again."""
    if tracker.stream_start is None:
        return None
    if tracker.profile is None:
        return tracker.stream_start - MARGIN_MIN
    decisions = decision_count(tracker.valid_minutes)
    wanted = first_block(tracker.waiting.first) - 2
    kept_from = decisions - len(tracker.starts)
    if wanted < max(0, kept_from):
        return tracker.stream_start - MARGIN_MIN
    return tracker.starts[wanted - kept_from] - MARGIN_MIN
