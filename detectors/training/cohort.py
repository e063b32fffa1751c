"""What training is given: patients with what is known of them, and a way to attack them. Each patient once or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from contracts.content_hash import sha256_of
from contracts.errors import Misconfigured
from detectors.array_types import Bools, Floats

Vitals = Floats


class Recording(Protocol):
    """Consecutive minutes of one patient, NaN = missing. `resolution_bpm` is the monitor's own grid."""

    @property
    def device_id(self) -> str: ...
    @property
    def first_event_minute(self) -> int: ...
    @property
    def heart_rate_bpm(self) -> Vitals: ...
    @property
    def resp_rate_bpm(self) -> Vitals: ...
    @property
    def pulse_bpm(self) -> Vitals | None: ...
    @property
    def resolution_bpm(self) -> float: ...


class Stay(Protocol):
    """A recording and the minutes (bool[n]) on which its patient genuinely deteriorates."""

    @property
    def recording(self) -> Recording: ...
    @property
    def deteriorating(self) -> Bools: ...


@dataclass(frozen=True, slots=True, eq=False)
class UnmarkedStay:
    """A stay on which no deterioration is marked: nobody looked for one."""

    recording: Recording

    @property
    def deteriorating(self) -> Bools:
        """bool[n]: nowhere."""
        return np.zeros(len(self.recording.heart_rate_bpm), np.bool_)


def fingerprint(recording: Recording) -> tuple[str, int, str]:
    """Return what tells a recording from any other: device id, first event minute, and a hash of both rates."""
    rates = np.stack([recording.heart_rate_bpm, recording.resp_rate_bpm])
    return recording.device_id, recording.first_event_minute, sha256_of(rates.tobytes())


@dataclass(frozen=True, slots=True)
class Population:
    """Patients of one kind. `is_real` ones alone set scales and threshold where there are any."""

    name: str
    stays: Sequence[Stay]
    is_real: bool


@dataclass(frozen=True, slots=True)
class AttackCase:
    """One attack to inject: minutes count from the recording's first minute."""

    name: str
    level: str
    onset_min: int
    duration_min: int
    seed: int


class Injector(Protocol):
    """Attacks a recording. Returns its heart and respiratory rate afterwards, each float64[n]."""

    def __call__(self, recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]: ...


def check_disjoint(cohorts: Sequence[tuple[str, Sequence[Stay]]]) -> None:
    """Raise Misconfigured when a patient is in two of the named cohorts, or twice in one."""
    seen: dict[str, str] = {}
    for cohort, stays in cohorts:
        for stay in stays:
            device_id = stay.recording.device_id
            if device_id in seen:
                raise Misconfigured(
                    f"{device_id} is among the {seen[device_id]} patients and again among the {cohort} ones"
                )
            seen[device_id] = cohort


def vitals_of(recording: Recording) -> Vitals:
    """Return float64[n, 2]: heart rate in bpm, respiratory rate in breaths/min."""
    return np.stack([recording.heart_rate_bpm, recording.resp_rate_bpm], axis=-1)
