"""An attacked stream as the detector would see it: the attacked recording cleaned again, and the decisions that it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Bools, Ints
from detectors.minutes.cleaning import MAX_GAP_MIN, CleanMinutes, clean
from detectors.minutes.windows import MAX_SPAN_MIN, STEP_MIN, WINDOW_MIN, decision_count, decision_minute
from detectors.rules.frozen import stream_runs
from detectors.statistics.windows import DecisionRows, rows_of_part
from detectors.training.cohort import Vitals
from detectors.training.patients import Patient

LEAD_MIN: Final = 480
"""Valid minutes before the onset that are cleaned again: more than any decision reads or any rule counts."""
BEFORE: Final = 3
"""Decisions of a trace from before the onset, for the votes."""


class Trace(NamedTuple):
    """The decisions of one attacked stream from just before its onset on.

    `decision` int64[R] counts on the clean stream's own raster; `rows` are the minutes they read, `run` int64[R] the frozen
    rule's count, `usable` bool[R], `event_minute` int64[R] the last minute that each may see. `onset` is a valid minute.
    """

    decision: Ints
    rows: DecisionRows
    run: Ints
    usable: Bools
    event_minute: Ints
    onset: int


def span_of(patient: Patient, onset: int, duration_min: int) -> tuple[int, int]:
    """Return the minutes [onset, end) of the recording that hold so many valid minutes from valid minute `onset` on."""
    minute = patient.minutes.event_minute - patient.recording.first_event_minute
    last = min(onset + duration_min, len(minute)) - 1
    return int(minute[onset]), int(minute[last]) + 1


def trace_of(patient: Patient, attacked: Vitals, onset: int, end_min: int) -> Trace | None:
    """Return the trace of a patient's attacked vitals float64[m, 2] up to minute `end_min` of the recording.

    None when the attack leaves no decision after its onset.
    """
    first, part = _cleaned(patient, attacked, onset, end_min)
    start = max(0, (onset - MAX_GAP_MIN - WINDOW_MIN) // STEP_MIN + 1 - BEFORE)
    stop = min(decision_count(first + len(part)), len(patient.usable))
    decision = np.arange(start, stop)
    if not len(decision) or decision_minute(decision[-1]) < onset:
        return None
    last = decision_minute(decision) - first
    return Trace(
        decision=decision,
        rows=rows_of_part(part.values, part.weight, patient.profile, decision, first),
        run=stream_runs(part)[last],
        usable=part.event_minute[last] - part.event_minute[last - (WINDOW_MIN - 1)] <= MAX_SPAN_MIN,
        event_minute=part.event_minute[last],
        onset=onset,
    )


def _cleaned(patient: Patient, attacked: Vitals, onset: int, end_min: int) -> tuple[int, CleanMinutes]:
    """Return the attacked stream from some hours before the onset on, and the valid minute at which this part begins.

    It begins at a measured minute, so that gaps after it are the same as in the whole stream.
    """
    minutes = patient.minutes
    first = int(np.flatnonzero(minutes.observed[: max(onset - LEAD_MIN, 1)])[-1]) if onset > LEAD_MIN else 0
    first = first if minutes.observed[first] else int(np.flatnonzero(minutes.observed)[0])
    begin = int(minutes.event_minute[first]) - patient.recording.first_event_minute
    raw = attacked[begin:end_min]
    part = clean(int(minutes.event_minute[first]), raw[:, 0], raw[:, 1])
    weight = part.weight.copy()
    weight[0] = minutes.weight[first]  # the cut before it, if there is one, is not seen from here
    return first, replace(part, weight=weight)
