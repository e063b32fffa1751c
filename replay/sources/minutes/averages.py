"""Make minutes of values that come more often: the mean of each minute that is at least half measured."""

from __future__ import annotations

import numpy as np

from replay.recording import Vitals, round_to_grid

LEAST_VALID_SHARE = 0.5
AVERAGES_GRID_BPM = 0.1  # the grid on which monitors write their own minute averages


def minute_averages(values: Vitals, per_minute: float, limits: tuple[float, float]) -> Vitals:
    """Return float64[m] on a grid of tenths: the mean of each minute's valid values, NaN for less than half of them.

    `values` float64[n] are equally spaced, `per_minute` of them in a minute. NaN is missing, and so is what lies outside
    `limits` (both included): zeros, a device's codes such as -1, artefacts. Within a mean nobody could tell them any more.
    A last minute that the values fill by less than half is left out.

    >>> minute_averages(np.array([80.0, 81.0, 0.0, 0.0, 90.0, 92.0]), 2, (20.0, 300.0)).tolist()
    [80.5, nan, 91.0]
    """
    lowest, highest = limits
    minute = np.floor(np.arange(len(values)) / per_minute + 1e-9).astype(np.int64)
    minutes = int(len(values) / per_minute + 1 - LEAST_VALID_SHARE)
    used = (values >= lowest) & (values <= highest) & (minute < minutes)
    count = np.bincount(minute[used], minlength=minutes)
    total = np.bincount(minute[used], weights=values[used], minlength=minutes)
    enough = count >= LEAST_VALID_SHARE * per_minute
    means = np.divide(total, count, out=np.full(minutes, np.nan), where=enough)
    return round_to_grid(means, AVERAGES_GRID_BPM)
