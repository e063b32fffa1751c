"""Raw features of windows, each measured by its owner's measure: the same call live, offline and in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.features.catalogue import SLOW
from detectors.features.signal import Measures, fast_features, slow_features
from detectors.measure import Measure
from detectors.preprocessing import scaled
from detectors.scoring.runtime import Rebuilding
from detectors.windows import Windows

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SLOW_BATCH: Final = 256  # bounds the memory of long windows: 9 kB each


def minute_features(reconstructor: Rebuilding, windows: Windows, measures: Sequence[Measure]) -> tuple[Floats, Floats]:
    """Return (features float32[B, 76], mean_square float32[B, 4]): signal and residual features of the last hours."""
    owner = windows.owner
    median, scale, rms = (
        np.stack([getattr(measure, name) for measure in measures])[owner]
        for name in ("median", "scale", "residual_rms")
    )
    z = scaled(windows.values, median[:, None], scale[:, None])
    found = reconstructor.residuals(z, windows.event_minute, rms)
    fast = fast_features(feature_major(windows.values), _measures(measures, owner))
    return np.concatenate([fast, found.features], axis=1), found.mean_square


def half_day_features(windows: Windows, measures: Sequence[Measure]) -> Floats:
    """Return float32[k, 108] of the windows that have eighteen hours."""
    owner = windows.owner[windows.slow]
    parts = [np.empty((0, len(SLOW)), np.float32)]
    for start in range(0, len(owner), SLOW_BATCH):
        part = slice(start, start + SLOW_BATCH)
        minutes = np.ascontiguousarray(windows.slow_minute[part].T)
        parts.append(slow_features(feature_major(windows.slow_values[part]), minutes, _measures(measures, owner[part])))
    return np.concatenate(parts)


def all_features(reconstructor: Rebuilding, windows: Windows, measures: Sequence[Measure]) -> Floats:
    """Return float32[B, 184] in the order of `catalogue.FEATURES`, NaN where there are no eighteen hours."""
    minute, _ = minute_features(reconstructor, windows, measures)
    slow = np.full((len(windows), len(SLOW)), np.nan, np.float32)
    slow[windows.slow] = half_day_features(windows, measures)
    return np.concatenate([minute, slow], axis=1)


def feature_major(values: Floats) -> Floats:
    """Return float32[L, 2, B] from float32[B, L, 2]."""
    return np.ascontiguousarray(values.transpose(1, 2, 0))


def _measures(measures: Sequence[Measure], owner: Ints) -> Measures:
    names = ("median", "scale", "difference_sd", "grid_bpm")
    return Measures(*(np.stack([getattr(one, name) for one in measures], axis=1)[:, owner] for name in names))
