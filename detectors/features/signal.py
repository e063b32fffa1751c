"""The features of a device's raw signals: sixty minutes for every minute, three and six hours for every fifth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.features.channel import channel_features
from detectors.features.lattice import lattice_features
from detectors.features.long_means import HISTORY_MIN, long_mean_features
from detectors.features.pair import pair_features, repeated_share, rhythm_features

Floats = NDArray[np.float32]
MIDDLE_MIN = 180
SLOW_MIN = 360


class Measures(NamedTuple):
    """How each of B devices is measured, float32[2, B] each (heart, breathing).

    `median` and `scale` in bpm and breaths/min, `difference_sd` the usual sd of minute-to-minute differences of z,
    `grid_bpm` the grid that its monitor writes on.
    """

    median: Floats
    scale: Floats
    difference_sd: Floats
    grid_bpm: Floats


def fast_features(bpm: Floats, measures: Measures) -> Floats:
    """Return float32[B, 46], in the order of `catalogue.FAST`, of windows float32[60, 2, B] in bpm and breaths/min."""
    parts = [
        _window(bpm, measures),
        repeated_share(bpm[:, 0], bpm[:, 1])[None],
        lattice_features(bpm[:, 0], bpm[:, 1], measures.grid_bpm),
    ]
    return np.ascontiguousarray(np.concatenate(parts).T)


def slow_features(bpm: Floats, event_minute: NDArray[np.int64], measures: Measures) -> Floats:
    """Return float32[B, 108], in the order of `catalogue.SLOW`.

    `bpm` float32[1080, 2, B] are each device's last rows, newest last, `event_minute` int64[1080, B] theirs; the last
    360 rows are known, older ones only count if they lie within 18 hours.
    """
    middle, slow = bpm[-MIDDLE_MIN:], bpm[-SLOW_MIN:]
    z = (bpm - measures.median) / measures.scale
    known = event_minute > event_minute[-1] - HISTORY_MIN
    span = np.log((event_minute[-1] - event_minute[-SLOW_MIN] + 1).astype(np.float32) / SLOW_MIN)
    parts = [
        _window(middle, measures),
        repeated_share(middle[:, 0], middle[:, 1])[None],
        _window(slow, measures),
        rhythm_features(z[-MIDDLE_MIN:, 0], z[-MIDDLE_MIN:, 1]),
        rhythm_features(z[-SLOW_MIN:, 0], z[-SLOW_MIN:, 1]),
        lattice_features(middle[:, 0], middle[:, 1], measures.grid_bpm),
        lattice_features(slow[:, 0], slow[:, 1], measures.grid_bpm),
        span[None],
        long_mean_features(z[:, 0], known),
        long_mean_features(z[:, 1], known),
    ]
    return np.ascontiguousarray(np.concatenate(parts).T)


def _window(bpm: Floats, measures: Measures) -> Floats:
    z = (bpm - measures.median) / measures.scale
    return np.concatenate(
        [
            channel_features(z[:, 0], bpm[:, 0], measures.difference_sd[0]),
            channel_features(z[:, 1], bpm[:, 1], measures.difference_sd[1]),
            pair_features(z[:, 0], z[:, 1]),
        ]
    )
