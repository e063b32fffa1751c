"""A patient made ready: the clean stream, the profile of its enrolment, and where attacks on it may begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from detectors.array_types import Bools
from detectors.baseline.own_past import enrolment_decisions
from detectors.baseline.profile import Profile, profile_of
from detectors.minutes.cleaning import CleanMinutes, clean
from detectors.minutes.windows import FIRST_MIN, STEP_MIN, WINDOW_MIN, usable_decisions
from detectors.training.cohort import Population, Recording, Stay

DAY_MIN: Final = 1440
LONG_ENROLMENT_MIN: Final = DAY_MIN
SHORT_ENROLMENT_MIN: Final = 600
JUDGED_LEAST_MIN: Final = 240
"""A stream that goes on for less than four hours after its enrolment says nothing."""
ATTACK_MIN: Final = 720
LEAST_ATTACK_MIN: Final = 150
_TRIES: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class Patient:
    """A stay with its clean minutes and profile. `usable` bool[k] and `judged` bool[k] are about its decisions.

    A decision is judged when it is usable and its last hour lies wholly after the enrolment.
    """

    stay: Stay
    population: int
    minutes: CleanMinutes
    profile: Profile
    usable: Bools

    @property
    def recording(self) -> Recording:
        """The raw minutes."""
        return self.stay.recording

    @property
    def name(self) -> str:
        """The device's id."""
        return self.stay.recording.device_id

    @property
    def enrolled(self) -> int:
        """How many decisions the enrolment holds."""
        return enrolment_decisions(self.profile.enrolment_min)


def patients_of(populations: Sequence[Population], enrolment_min: int | None = None) -> tuple[list[Patient], list[str]]:
    """Return the patients that last long enough, and the names of those that do not.

    `enrolment_min` None: a day where two days are valid, else ten hours.
    """
    patients: list[Patient] = []
    short: list[str] = []
    for place, population in enumerate(populations):
        for stay in population.stays:
            patient = patient_of(stay, place, enrolment_min)
            if patient is None:
                short.append(stay.recording.device_id)
            else:
                patients.append(patient)
    return patients, short


def patient_of(stay: Stay, population: int, enrolment_min: int | None = None) -> Patient | None:
    """Return the patient, or None when the stream is too short to be judged after its enrolment."""
    minutes = _cleaned(stay.recording)
    enrolment = _enrolment(minutes, enrolment_min)
    if enrolment is None:
        return None
    usable = usable_decisions(minutes)
    return Patient(stay, population, minutes, profile_of(minutes, enrolment), usable)


def enrolment_of(recording: Recording, enrolment_min: int | None = None) -> int | None:
    """Return how long a recording's patient would enrol in valid minutes, None where `patient_of` has nobody."""
    return _enrolment(_cleaned(recording), enrolment_min)


def _cleaned(recording: Recording) -> CleanMinutes:
    return clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)


def _enrolment(minutes: CleanMinutes, enrolment_min: int | None) -> int | None:
    enrolment = enrolment_min or (LONG_ENROLMENT_MIN if len(minutes) >= 2 * DAY_MIN else SHORT_ENROLMENT_MIN)
    return enrolment if len(minutes) >= enrolment + JUDGED_LEAST_MIN else None


def generator_of(*key: int | str) -> np.random.Generator:
    """Return the generator of a key: a patient's draws do not depend on who else is there."""
    return np.random.default_rng([crc32(part.encode()) if isinstance(part, str) else part for part in key])


def onsets_of(patient: Patient, rng: np.random.Generator, more: int = 0) -> tuple[list[int], list[int], int]:
    """Return onsets (valid minutes): up to two that are judged, `more` that only teach, and the attacks' length in minutes.

    The two lie one in each half of the judged part, the others anywhere in it. The first four hours after an onset can be judged, and an onset never falls on the edge of a block.
    """
    valid, enrolment = len(patient.minutes), patient.profile.enrolment_min
    duration = min(ATTACK_MIN, valid - enrolment - LEAST_ATTACK_MIN)
    low, high = enrolment + WINDOW_MIN, valid - duration - 5
    if duration < LEAST_ATTACK_MIN or high <= low:
        return [], [], 0
    middle = (low + high) // 2
    halves = [(low, middle), (middle, high)] if high - low >= JUDGED_LEAST_MIN else [(low, high)]
    spans = halves + [(low, high)] * more
    drawn = [_onset_between(patient.usable, start, stop, rng) for start, stop in spans]
    first, others = drawn[: len(halves)], drawn[len(halves) :]
    return [onset for onset in first if onset is not None], [onset for onset in others if onset is not None], duration


def _onset_between(usable: Bools, start: int, stop: int, rng: np.random.Generator) -> int | None:
    for _ in range(_TRIES):
        onset = int(rng.integers(start, stop))
        decision = onset // STEP_MIN
        if usable[decision - 4 : decision + 16].all() and (onset - FIRST_MIN) % STEP_MIN:
            return onset
    return None
