"""One patient's vital signs, a value a minute: what sources make, attacks change and the publisher sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.event_time import OBSERVED_SAID, can_be_observed, from_event_minute
from contracts.identifiers import check_device_id

Vitals = NDArray[np.float64]
CSV_HEADER: Final = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm,pulse_bpm"


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Consecutive minutes of one device. Every channel is float64 of shape [minutes], NaN means missing.

    `first_event_minute` is the event minute (minutes since 1970-01-01T00:00Z) of index 0. `resolution_bpm` is the
    monitor's own grid, `resp_resolution_bpm` that of the respiratory rate where it is another: attacks act before rounding to
    it. `origin` tells people where the recording comes from.
    `label` is the device's name as its hospital writes it, where that is not the id (`contracts.identifiers`).
    `charted` says that people wrote the values down, about hourly, and that the minutes in between are interpolated.
    Raises Misconfigured when the channels do not fit together.
    """

    device_id: str
    first_event_minute: int
    heart_rate_bpm: Vitals
    resp_rate_bpm: Vitals
    pulse_bpm: Vitals | None = None
    resolution_bpm: float = 0.1
    origin: str = ""
    charted: bool = False
    label: str | None = None
    resp_resolution_bpm: float | None = None

    def __post_init__(self) -> None:
        check_device_id(self.device_id)
        if not min(self.grids_bpm) > 0:
            raise Misconfigured(f"{self.device_id}: resolution_bpm is {self.grid_text}; it must be above 0")
        if not self.minutes:
            raise Misconfigured(f"{self.device_id}: a recording has at least one minute")
        if not (can_be_observed(self.first_event_minute) and can_be_observed(self.end_event_minute - 1)):
            raise Misconfigured(f"{self.device_id}: its times cannot be used; {OBSERVED_SAID}")
        for name, values in self.channels().items():
            if values.dtype != np.float64 or values.shape != (self.minutes,):
                raise Misconfigured(
                    f"{self.device_id}: {name} is {values.dtype} of shape {values.shape}; "
                    f"every channel is float64 of shape ({self.minutes},)"
                )
            if np.isinf(values).any():
                raise Misconfigured(f"{self.device_id}: {name} holds an infinite value; use NaN for missing")

    @property
    def minutes(self) -> int:
        """Number of minutes, missing ones included."""
        return len(self.heart_rate_bpm)

    @property
    def end_event_minute(self) -> int:
        """The event minute after the last one."""
        return self.first_event_minute + self.minutes

    @property
    def grids_bpm(self) -> tuple[float, float]:
        """The grids of heart and respiratory rate."""
        breath_bpm = self.resp_resolution_bpm
        return self.resolution_bpm, self.resolution_bpm if breath_bpm is None else breath_bpm

    @property
    def grid_text(self) -> str:
        """The grid for people: `0.1`, or `1/0.1` where heart and respiratory rate differ."""
        heart_bpm, breath_bpm = self.grids_bpm
        return f"{heart_bpm:g}" if heart_bpm == breath_bpm else f"{heart_bpm:g}/{breath_bpm:g}"

    def channels(self) -> dict[str, Vitals]:
        """The channels that the recording has, by field name."""
        channels = {"heart_rate_bpm": self.heart_rate_bpm, "resp_rate_bpm": self.resp_rate_bpm}
        return channels if self.pulse_bpm is None else {**channels, "pulse_bpm": self.pulse_bpm}

    def sliced(self, start_min: int, minutes: int | None = None) -> Recording:
        """Return the part that starts `start_min` minutes in and lasts `minutes` (None: to the end).

        A part that reaches past the end is shortened; one that starts there raises Misconfigured.
        """
        if not 0 <= start_min < self.minutes:
            raise Misconfigured(
                f"{self.device_id} is {self.minutes} minutes long: a start of {start_min} is outside 0..{self.minutes - 1}"
            )
        if minutes is not None and minutes < 1:
            raise Misconfigured(f"{self.device_id}: a length of {minutes} minutes; at least 1 is needed")
        part = slice(start_min, None if minutes is None else start_min + minutes)
        return replace(
            self,
            first_event_minute=self.first_event_minute + start_min,
            **{name: values[part] for name, values in self.channels().items()},  # type: ignore[arg-type]
        )


def round_to_grid(values: Vitals, resolution_bpm: float) -> Vitals:
    """Return the values on the monitor's grid, free of the float noise that a product leaves. NaN stays NaN."""
    return np.round(np.round(values / resolution_bpm) * resolution_bpm, 6)


def csv_lines(recordings: Iterable[Recording]) -> Iterator[str]:
    """Yield the header and then each recording's minutes, a line each with its end, as `read_recordings` reads them back."""
    yield f"{CSV_HEADER}\n"
    for recording in recordings:
        pulse = np.full(recording.minutes, np.nan) if recording.pulse_bpm is None else recording.pulse_bpm
        columns = (recording.heart_rate_bpm, recording.resp_rate_bpm, pulse)
        for at, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            time = f"{from_event_minute(recording.first_event_minute + at):%Y-%m-%dT%H:%MZ}"
            cells = ("" if np.isnan(value) else f"{value:.6g}" for value in values)
            yield f"{recording.device_id},{time},{','.join(cells)}\n"
