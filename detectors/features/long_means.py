"""How the last hour and the last three compare with the half day before: what drifts too slowly for a window to show."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HISTORY_MIN: Final = 1080
LONG_MEAN_FEATURES: Final = ("hour_against_six", "three_hours_against_twelve", "twelve_hour_mean")
FEWEST_BEFORE: Final = 120


def long_mean_features(z: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return float32[3, B], in the order of `LONG_MEAN_FEATURES`, of one channel.

    `z` float32[1080, B] is the channel in the device's own scale, newest row last; `known` bool[1080, B] tells the rows of
    the last 18 hours. With fewer than 120 rows to compare with, a difference is 0.
    """
    total = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(np.where(known, z, 0), axis=0, dtype=np.float64)])
    count = np.concatenate([np.zeros((1, z.shape[1]), np.int64), np.cumsum(known, axis=0)])
    end = len(z)

    def mean(start: int, stop: int, fewest: int) -> Floats:
        rows = count[stop] - count[start]
        sums = total[stop] - total[start]
        return np.where(rows >= fewest, sums / np.maximum(rows, 1), np.nan).astype(np.float32)

    hour = mean(end - 60, end, 1) - mean(end - 420, end - 60, FEWEST_BEFORE)
    three_hours = mean(end - 180, end, 1) - mean(end - 900, end - 180, FEWEST_BEFORE)
    found: Floats = np.arcsinh(np.nan_to_num(np.stack([hour, three_hours, mean(end - 720, end, 1)])))
    return found
