"""Make minutes of values that come more often, and find the grid that a monitor writes its values on."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.recording import Vitals, round_to_grid

LEAST_VALID_SHARE: Final = 0.5
AVERAGES_GRID_BPM: Final = 0.1  # the grid on which monitors write their own minute averages
GRIDS_BPM: Final = (1.0, 0.1, 0.01, 0.001)
USUAL_GRID_BPM: Final = 0.1
FLOAT_NOISE: Final = 1e-6
FLOAT32_NOISE: Final = 2.0**-23
"""What 80.1 loses, relative to it, where it was a 32-bit float on its way: it comes as 80.0999984741211."""


def minute_averages(values: Vitals, per_minute: float, limits: tuple[float, float]) -> Vitals:
    """Return float64[m] on a grid of tenths: the mean of each minute's valid values, NaN for less than half of them.

    `values` float64[n] are equally spaced, `per_minute` of them in a minute. NaN is missing, and so is what lies outside
    `limits` (both included): zeros, a device's codes such as -1, artefacts. Within a mean nobody could tell them any more.
    A last minute that the values fill by less than half is left out.

    >>> minute_averages(np.array([80.0, 81.0, 0.0, 0.0, 90.0, 92.0]), 2, (20.0, 300.0)).tolist()
    [80.5, nan, 91.0]
    """
    minute = np.floor(np.arange(len(values)) / per_minute + 1e-9).astype(np.int64)
    minutes = int(len(values) / per_minute + 1 - LEAST_VALID_SHARE)
    inside = minute < minutes
    means, _ = minute_means(values[inside], minute[inside], minutes, per_minute, limits)
    return round_to_grid(means, AVERAGES_GRID_BPM)


def minute_means(
    values: Vitals, minute: NDArray[np.int64], minutes: int, due: float, limits: tuple[float, float]
) -> tuple[Vitals, NDArray[np.int64]]:
    """Return float64[minutes], the mean of each minute's values within `limits`, and int64[minutes], how many they are.

    A minute with less than half of the values that were `due` in it is NaN.
    """
    lowest, highest = limits
    used = (values >= lowest) & (values <= highest)
    count = np.bincount(minute[used], minlength=minutes)
    total = np.bincount(minute[used], weights=values[used], minlength=minutes)
    enough = count >= max(1.0, LEAST_VALID_SHARE * due)
    return np.divide(total, count, out=np.full(minutes, np.nan), where=enough), count


def on_own_grid(values: Vitals) -> tuple[Vitals, float]:
    """Return a channel float64[n] (NaN = missing) on the coarsest grid that holds every value, and that grid.

    The grids are 1, 0.1, 0.01 and 0.001; without a value it is 0.1. Values finer than that stay as they are.
    """
    measured = values[~np.isnan(values)]
    if not len(measured):
        return values, USUAL_GRID_BPM
    noise = np.maximum(FLOAT_NOISE, FLOAT32_NOISE * np.abs(measured))
    for grid_bpm in GRIDS_BPM:
        if np.all(np.abs(measured - np.round(measured / grid_bpm) * grid_bpm) < noise):
            return round_to_grid(values, grid_bpm), grid_bpm
    return values, GRIDS_BPM[-1]
