"""A ward to measure on: many devices that send synthetic patients' minutes, with and without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.event_time import from_event_minute
from contracts.messages.vitals import VitalsBatch
from detectors.engine.chunks import MinuteChunk
from replay.sources.synthetic import synthetic_recording

FIRST_EVENT_MINUTE: Final = 29_000_000
ENROLMENT_MIN: Final = 600
FIRST_HOUR_MIN: Final = 60
"""Minutes after the enrolment until every device's rings are full enough that a minute costs what it will always cost."""
BEFORE_MIN: Final = ENROLMENT_MIN + FIRST_HOUR_MIN
SEED: Final = 11
PATIENTS: Final = 24
LIKE_ENROLMENT_MIN: Final = 60
"""Minutes in a message while a device enrols: not what is measured."""


@dataclass(frozen=True, slots=True)
class Ward:
    """Devices with `minutes` of vitals each, float64[devices, minutes], NaN missing; there are fewer patients than devices."""

    heart_rate_bpm: NDArray[np.float64]
    resp_rate_bpm: NDArray[np.float64]

    @property
    def devices(self) -> int:
        return len(self.heart_rate_bpm)

    @property
    def minutes(self) -> int:
        return int(self.heart_rate_bpm.shape[1])

    def chunks(self, start: int, end: int) -> list[MinuteChunk]:
        """Return minutes `start` to `end` of every device as the engine takes them."""
        return [
            MinuteChunk(
                device_name(device),
                1,
                FIRST_EVENT_MINUTE + start,
                self.heart_rate_bpm[device, start:end].tolist(),
                self.resp_rate_bpm[device, start:end].tolist(),
            )
            for device in range(self.devices)
        ]

    def message(self, device: int, start: int, end: int, *, sent_at: float) -> VitalsBatch:
        """Return minutes `start` to `end` of a device as it sends them; the next message is due within an hour."""
        return VitalsBatch(
            device_id=device_name(device),
            session_id=1,
            observed_at=from_event_minute(FIRST_EVENT_MINUTE + start),
            heart_rate_bpm=self.heart_rate_bpm[device, start:end].tolist(),
            resp_rate_bpm=self.resp_rate_bpm[device, start:end].tolist(),
            batch_interval_s=3600.0,
            sent_at=sent_at,
        )

    def messages(self, start: int, end: int, *, sent_at: float) -> Iterator[VitalsBatch]:
        """Yield minutes `start` to `end` of every device as they send them."""
        return (self.message(device, start, end, sent_at=sent_at) for device in range(self.devices))


def device_name(device: int) -> str:
    """Return the id of the device with this number."""
    return f"d{device:06d}"


def ward_of(devices: int, minutes: int) -> Ward:
    """Return a ward of synthetic patients, each worn by several devices: cost depends on values, not on who is whose copy."""
    patients = [synthetic_recording(SEED, number, minutes) for number in range(min(devices, PATIENTS))]
    worn_by = np.arange(devices) % len(patients)
    return Ward(
        np.stack([patient.heart_rate_bpm for patient in patients])[worn_by],
        np.stack([patient.resp_rate_bpm for patient in patients])[worn_by],
    )
