"""How much work the study is and whom it runs on: five synthetic patients, or up to five recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from contracts.errors import Misconfigured
from detectors.minutes.cleaning import clean, usable_minutes
from detectors.minutes.windows import usable_window_ends
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording

PATIENTS: Final = 5
PAPER_MINUTES: Final = 50_401  # five times seven days, and one minute
FEWEST: Final = 2
FEWEST_WINDOWS: Final = 60  # before the onset of the attacks, and again after it


@dataclass(frozen=True, slots=True)
class PaperPlan:
    """`minutes` counts all patients together. A window ends every `trained_every_min` or `judged_every_min` event minutes.

    `trained_every_min` holds for training the autoencoders, `judged_every_min` for judging patients unknown to them. In the
    paper's own way every window of every minute is judged.
    """

    seed: int = 1
    minutes: int = PAPER_MINUTES
    autoencoder_epochs: int = 31
    classifier_epochs: int = 20
    trained_every_min: int = 8
    judged_every_min: int = 5


FULL: Final = PaperPlan()
QUICK: Final = PaperPlan(minutes=7_500, autoencoder_epochs=8, classifier_epochs=4)


def synthetic_patients(plan: PaperPlan) -> list[Recording]:
    """Return five synthetic patients, none of whom deteriorates. Together exactly `plan.minutes` long."""
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


def plan_for(plan: PaperPlan, recordings: Sequence[Recording]) -> PaperPlan:
    """Return the plan with windows that end the more often the shorter the recordings are.

    So the networks learn from about as many windows as they would of recordings of `plan.minutes` together.
    """
    share = sum(recording.minutes for recording in recordings) / plan.minutes
    trained, judged = (max(1, round(share * every)) for every in (plan.trained_every_min, plan.judged_every_min))
    return replace(plan, trained_every_min=trained, judged_every_min=judged)


def onset_min(recording: Recording) -> int:
    """Return the minute, counted from the recording's first, at which its attacks begin: half-way."""
    return recording.minutes // 2


def _valid(recording: Recording) -> int:
    return int(usable_minutes(recording.heart_rate_bpm, recording.resp_rate_bpm).sum())


def _has_windows(recording: Recording) -> bool:
    minutes = clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)
    onset = recording.first_event_minute + onset_min(recording)
    after = minutes.event_minute[usable_window_ends(minutes)] >= onset
    return min(int(np.sum(after)), int(np.sum(~after))) >= FEWEST_WINDOWS
