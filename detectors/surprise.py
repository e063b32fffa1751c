"""How surprising a feature's value is: the logarithm of the share of clean windows that lie further out.

A table a column, built from clean windows: empirical where there are enough of them, an exponential tail beyond.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

REACH: Final = 15.0
STEP: Final = 0.25
LARGEST: Final = 40.0
TAIL_SHARE: Final = 0.002  # beyond it the tail is extrapolated
GRID: Final = np.arange(-REACH, REACH + STEP / 2, STEP)


def surprise(table: Floats, r: Floats) -> Floats:
    """Return float32[B, C]: +s where a value is surprisingly high, -s where low, s = -log10 of the one-sided share.

    `table` float32[121, C] holds it on the grid -15..15; `r` float32[B, C] are standardised features, NaN counts as usual (0).
    """
    place = (np.clip(np.nan_to_num(r), -REACH, REACH) + np.float32(REACH)) / np.float32(STEP)
    below = np.minimum(place.astype(np.int32), len(table) - 2)
    columns = np.arange(table.shape[1])
    low = table[below, columns]
    found: Floats = low + (place - below) * (table[below + 1, columns] - low)
    return found


def fit_surprise(clean: Floats) -> Floats:
    """Return the table float32[121, C] of clean windows float32[n, C] (NaN left out)."""
    return np.stack([_column(values[np.isfinite(values)]) for values in clean.T], axis=1).astype(np.float32)


def _column(values: NDArray[np.float32]) -> NDArray[np.float64]:
    if not len(values):
        return np.zeros(len(GRID))
    ordered = np.sort(values.astype(np.float64))
    high = _one_sided(ordered, GRID)
    low = _one_sided(-ordered[::-1], -GRID)
    signed: NDArray[np.float64] = np.clip(high - low, -LARGEST, LARGEST)
    return signed


def _one_sided(ordered: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return -log10 P(value >= at), with an exponential tail fitted beyond the `TAIL_SHARE` quantile."""
    count = len(ordered)
    share = (count - np.searchsorted(ordered, at) + 0.5) / (count + 1)
    start = ordered[min(int(count * (1 - TAIL_SHARE)), count - 1)]
    beyond = ordered[ordered >= start] - start
    decay = max(float(beyond.mean()), 0.05)
    tail = -np.log10(TAIL_SHARE) + (at - start) / decay / np.log(10)
    return np.where(at > start, tail, -np.log10(share))
