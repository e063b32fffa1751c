"""Make minutes of timed samples, regular or not, of one device: cleaned first, then averaged minute by minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.identifiers import device_id_of, label_of
from replay.recording import Recording, Vitals, round_to_grid
from replay.sources.minutes.averages import AVERAGES_GRID_BPM, minute_means, on_own_grid
from replay.sources.minutes.usable import HEART_LIMITS, RESP_LIMITS, Unusable, check_length

SECONDS: Final = 60
ABOUT_A_MINUTE_S: Final = 59.0


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One channel: `at_s` float64[k] seconds since 1970 in any order, `values` float64[k] per minute, NaN = missing."""

    at_s: NDArray[np.float64]
    values: Vitals

    @property
    def interval_s(self) -> float:
        """The usual time between two samples, missing ones included, infinite with fewer than two."""
        steps = np.diff(np.unique(self.at_s))
        return float(np.median(steps)) if len(steps) else np.inf


def sampled_recording(
    name: str, given: str, heart: Samples, breath: Samples, pulse: Samples | None = None, *, origin: str
) -> Recording:
    """Return the recording of the device that its source calls `given`, from the first sample's minute to the last that has a value.

    Zero and below are missing. Where samples come more often than a minute, what no patient has is missing as well, and a
    minute is the mean of its samples, in tenths, if at least half of those that were due are valid. Where they come once a
    minute or less often, each stands for its minute as it is. Raises Unusable under `name` if nothing was measured.
    """
    channels = [(heart, HEART_LIMITS), (breath, RESP_LIMITS), *([(pulse, HEART_LIMITS)] if pulse else [])]
    times = np.concatenate([samples.at_s for samples, _ in channels])
    if not len(times):
        raise Unusable(name, "has no samples of heart or respiratory rate")
    first = int(times.min() // SECONDS)
    minutes = int(times.max() // SECONDS) - first + 1
    check_length(name, minutes)
    made = [_minutes(samples, first, minutes, limits) for samples, limits in channels]
    known = np.flatnonzero(~np.isnan([values for values, _ in made]).all(axis=0))
    if not len(known):
        raise Unusable(name, "has no minute of which half shows a heart or respiratory rate that a patient may have")
    part = slice(0, int(known[-1]) + 1)
    (heart_bpm, heart_grid), (breath_bpm, breath_grid), *pulses = made
    device_id = device_id_of(given)
    return Recording(
        device_id,
        first,
        heart_bpm[part],
        breath_bpm[part],
        pulses[0][0][part] if pulses else None,
        heart_grid,
        origin,
        label=label_of(given, device_id),
        resp_resolution_bpm=breath_grid,
    )


def _minutes(samples: Samples, first: int, minutes: int, limits: tuple[float, float]) -> tuple[Vitals, float]:
    """Return float64[minutes] and the grid that they lie on."""
    interval_s = samples.interval_s
    is_averaged = interval_s < ABOUT_A_MINUTE_S
    limits, due = (limits, SECONDS / interval_s) if is_averaged else ((np.nextafter(0, 1), np.inf), 1.0)
    minute = (samples.at_s // SECONDS).astype(np.int64) - first
    means, count = minute_means(samples.values, minute, minutes, due, limits)
    if is_averaged:
        return round_to_grid(means, AVERAGES_GRID_BPM), AVERAGES_GRID_BPM
    return on_own_grid(np.where(count > 1, round_to_grid(means, AVERAGES_GRID_BPM), means))
