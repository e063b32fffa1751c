"""A recording as the engine sees it: rows pushed, windows cut, values scaled by the device's profile or the population's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import Rows, cut_windows, pushed_rows, robust_scale, scaled, usable_window_ends
from detectors.training.cohort import Recording, Vitals, vitals_of


@dataclass(frozen=True, slots=True)
class Scale:
    """Median and scale of the vitals, float64[2] each (bpm, breaths/min)."""

    median: NDArray[np.float64]
    scale: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScaledWindows:
    """`z` float32[k, 60, 2], `event_minute` int64[k, 60]; a window belongs to its last minute."""

    z: NDArray[np.float32]
    event_minute: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.z)


def rows_of(recording: Recording, vitals: Vitals | None = None) -> Rows:
    """Return the rows that a recording pushes, with other vitals float64[n, 2] in its place if given."""
    values = vitals_of(recording) if vitals is None else vitals
    return pushed_rows(recording.first_event_minute, values[:, 0], values[:, 1])


def enrolment_rows(rows: Rows, enrolment_min: int) -> int:
    """Return how many rows have been pushed when the `enrolment_min`-th valid minute is in (all, if it never is)."""
    valid = np.flatnonzero(~rows.interpolated)
    return int(valid[enrolment_min - 1]) + 1 if len(valid) >= enrolment_min else len(rows)


def first_rows(rows: Rows, count: int) -> Rows:
    """Return the first rows."""
    return Rows(rows.values[:count], rows.event_minute[:count], rows.interpolated[:count])


def own_scale(rows: Rows, enrolment_min: int) -> Scale:
    """Return the scale that the device has after its enrolment."""
    return Scale(*robust_scale(rows.values[: enrolment_rows(rows, enrolment_min)]))


def windows_between(rows: Rows, scale: Scale, first_row: int, end_row: int, stride: int = 1) -> ScaledWindows:
    """Return every `stride`-th usable window whose last row lies in [first_row, end_row)."""
    ends = usable_window_ends(rows)
    ends = ends[(ends >= first_row) & (ends < end_row)][::stride]
    values, event_minute = cut_windows(rows, ends)
    return ScaledWindows(scaled(values, scale.median, scale.scale), event_minute)
