"""What training is given: patients with what is known of them, and a way to attack them; disjoint cohorts or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured

Vitals = NDArray[np.float64]


class Recording(Protocol):
    """Consecutive minutes of one patient, NaN = missing; `resolution_bpm` is the monitor's own grid."""

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
    def deteriorating(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, slots=True)
class AttackCase:
    """One attack to inject: minutes count from the recording's first minute."""

    name: str
    level: str
    onset_min: int
    duration_min: int
    seed: int


class Injector(Protocol):
    """Attacks a recording; returns its heart and respiratory rate afterwards, each float64[n]."""

    def __call__(self, recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]: ...


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Three sets of patients: models learn from the first, thresholds from the second, metrics come from the third."""

    reference: Sequence[Stay]
    calibration: Sequence[Stay]
    test: Sequence[Stay]

    def check_disjoint(self) -> None:
        """Raise Misconfigured when a patient is in two cohorts, or twice in one."""
        seen: dict[str, str] = {}
        for cohort in ("reference", "calibration", "test"):
            for stay in getattr(self, cohort):
                device_id = stay.recording.device_id
                if device_id in seen:
                    raise Misconfigured(
                        f"{device_id} is in the {seen[device_id]} cohort and again in the {cohort} cohort"
                    )
                seen[device_id] = cohort


def vitals_of(recording: Recording) -> Vitals:
    """Return float64[n, 2]: heart rate in bpm, respiratory rate in breaths/min."""
    return np.stack([recording.heart_rate_bpm, recording.resp_rate_bpm], axis=-1)
