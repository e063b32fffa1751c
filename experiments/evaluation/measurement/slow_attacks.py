"""Attacks that grow over days, on whole streams: the baseline learns from the attacked minutes as it would in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from detectors.training.cohort import UnmarkedStay
from detectors.training.patients import LONG_ENROLMENT_MIN, Patient, patient_of
from experiments.evaluation.plan import DAY_MIN
from replay.attacks import AttackSpec, inject
from replay.recording import Recording

ONSET_MIN: Final = 3600
"""Two and a half days: the baseline then knows more than the enrolment."""
HELD_MIN: Final = DAY_MIN
RAMPS_DAYS: Final = (1, 2, 5)
KINDS: Final = {
    "noise of 10 bpm, 5 /min": "data-poisoning-1",
    "scaling by 2": "data-poisoning-2",
    "level + 30 bpm, + 10 /min": "backdoor-1",
}
"""Strong attacks that fade in over the ramp; the last one has a ramp of two hours of its own within it."""


class SlowAttack(NamedTuple):
    """A patient under attack: `kind` a place in `KINDS`, the ramp in days, and the valid minute at which it begins."""

    patient: Patient
    kind: int
    days: int
    onset: int


def slow_attacks(patient: Patient, seed: int) -> Iterator[SlowAttack]:
    """Yield what a patient's stay is long enough for: two and a half days, the ramp, and a day at full strength."""
    if patient.profile.enrolment_min < LONG_ENROLMENT_MIN or not isinstance(patient.recording, Recording):
        return
    minutes = patient.minutes.event_minute - patient.recording.first_event_minute
    for days in RAMPS_DAYS:
        last = ONSET_MIN + days * DAY_MIN + HELD_MIN - 1
        if last >= len(minutes):
            continue
        for kind, name in enumerate(KINDS.values()):
            attacked = _attacked(patient.recording, name, int(minutes[ONSET_MIN]), int(minutes[last]) + 1, days, seed)
            stay = UnmarkedStay(replace(attacked, device_id=f"{patient.name}-slow-{kind}-{days}"))
            found = patient_of(stay, patient.population, patient.profile.enrolment_min)
            if found is not None:
                yield SlowAttack(found, kind, days, ONSET_MIN)


def _attacked(recording: Recording, name: str, begin: int, end: int, days: int, seed: int) -> Recording:
    """Return the recording up to the attack's end."""
    cut = replace(
        recording,
        heart_rate_bpm=recording.heart_rate_bpm[:end],
        resp_rate_bpm=recording.resp_rate_bpm[:end],
        pulse_bpm=None if recording.pulse_bpm is None else recording.pulse_bpm[:end],
    )
    spec = AttackSpec(name, recording.device_id, begin, end - begin, "strong", seed, ramp_min=days * DAY_MIN)
    return inject(cut, spec).recording


def phase_of(minute: np.ndarray, onset: int, days: int) -> np.ndarray:
    """Return int[R]: 0 before the attack, 1 while it grows, 2 while it is held at full strength; minutes are valid ones."""
    return np.where(minute < onset, 0, np.where(minute < onset + days * DAY_MIN, 1, 2))
