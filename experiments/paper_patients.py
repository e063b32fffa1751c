"""Whom the study runs on: five synthetic patients of the paper's total length, or up to five recordings of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from contracts.errors import Misconfigured
from detectors.preprocessing import pushed_rows, usable_window_ends, valid_minutes
from experiments.paper_plan import PATIENTS, PaperPlan
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording

FEWEST: Final = 2
FEWEST_WINDOWS: Final = 60  # before the onset of the attacks, and again after it


def synthetic_patients(plan: PaperPlan) -> list[Recording]:
    """Return five synthetic patients, none of whom deteriorates; together exactly `plan.minutes` long."""
    each, left_over = divmod(plan.minutes, PATIENTS)
    return [synthetic_recording(plan.seed, index, each + (index < left_over)) for index in range(PATIENTS)]


def chosen_patients(recordings: Sequence[Recording], plan: PaperPlan) -> list[Recording]:
    """Return the five recordings with the most valid minutes, in their order, each cut to a fifth of `plan.minutes`.

    Raises Misconfigured when fewer than two are long enough for windows before and after the onset of an attack.
    """
    longest = -(-plan.minutes // PATIENTS)
    cut = [recording.sliced(0, longest) for recording in recordings]
    usable = [recording for recording in cut if _has_windows(recording)]
    if len(usable) < FEWEST:
        raise Misconfigured(
            f"{len(usable)} of {len(recordings)} recordings can be used; the study needs at least {FEWEST}, each with about four "
            "hours of heart and respiratory rate without long gaps: give more --recordings, or none for synthetic patients"
        )
    by_length = sorted(usable, key=_valid, reverse=True)[:PATIENTS]
    return [recording for recording in usable if recording in by_length]


def onset_min(recording: Recording) -> int:
    """Return the minute, counted from the recording's first, at which its attacks begin: half-way."""
    return recording.minutes // 2


def _valid(recording: Recording) -> int:
    return int(valid_minutes(recording.heart_rate_bpm, recording.resp_rate_bpm).sum())


def _has_windows(recording: Recording) -> bool:
    rows = pushed_rows(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)
    onset = recording.first_event_minute + onset_min(recording)
    after = rows.event_minute[usable_window_ends(rows)] >= onset
    return min(int(np.sum(after)), int(np.sum(~after))) >= FEWEST_WINDOWS
