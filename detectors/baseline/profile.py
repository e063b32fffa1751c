"""What a device's enrolment says about it: scale, usual size of its residuals, grid and context. Never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Floats, Floats32
from detectors.minutes.cleaning import CHANNELS, CleanMinutes, grid_of, on_grid
from detectors.minutes.windows import Z_CLIP
from detectors.network.context import context_of

SCALE_FLOOR: Final = (4.0, 1.5)
"""Smallest credible scale, bpm and breaths/min: below it a quiet night would make every waking look like an attack."""
LEAST_SIZE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Profile:
    """Learnt from the first `enrolment_min` valid minutes of a stream.

    float64[2] a channel (heart rate, respiratory rate): `median` and `scale` in bpm and breaths/min, `grid_bpm`,
    `unchanged_share` of minutes equal to the one before. `residual_size` float64[3, 2], the usual size of the residuals at lags
    1, 6 and 16 in scaled units; `context` float32[C] is what the network is told of the device.
    """

    median: Floats
    scale: Floats
    residual_size: Floats
    unchanged_share: Floats
    grid_bpm: Floats
    context: Floats32
    enrolment_min: int


def profile_of(minutes: CleanMinutes, enrolment_min: int) -> Profile:
    """Return the profile of a stream's first valid minutes (at least one)."""
    enrolment = minutes.first(enrolment_min)
    measured = np.where(enrolment.weight > 0, enrolment.values, np.nan)
    grid = np.array([grid_of(measured[:, channel]) for channel in range(CHANNELS)])
    x = on_grid(enrolment.values, grid)
    median = np.median(x, axis=0)
    mad = 1.4826 * np.median(np.abs(x - median), axis=0)
    scale = np.maximum((mad + x.std(axis=0)) / 2, SCALE_FLOOR)
    z = np.clip((x - median) / scale, -Z_CLIP, Z_CLIP)
    residuals = _residuals(z)
    weight = enrolment.weight.astype(np.float64)
    size = 1.25 * _mean(np.abs(residuals), weight) + LEAST_SIZE  # 1.25 mean |e| is the sd of a normal residual
    unchanged = np.abs(z - _shifted(z, -1)) < 0.5 * grid / scale
    share = np.clip(_mean(unchanged[None], weight)[0], 1e-4, 1 - 1e-4)
    context = context_of(z, residuals[0], size, scale, share, grid)
    return Profile(median, scale, size, share, grid, context, len(enrolment))


def _residuals(z: Floats) -> Floats:
    """Return float64[3, n, 2]: the residuals at lags 1, 6 and 16. Beyond the ends the end value is repeated."""
    return np.stack(
        [
            z - (_shifted(z, -1) + _shifted(z, 1)) / 2,
            z - (_shifted(z, -6) + _shifted(z, 6)) / 2,
            z - 0.7 * _shifted(z, -16),
        ]
    )


def _shifted(z: Floats, lag: int) -> Floats:
    return z[np.clip(np.arange(len(z)) + lag, 0, len(z) - 1)]


def _mean(values: NDArray[Any], weight: Floats) -> Floats:
    """Return the weighted means float64[m, 2] of values [m, n, 2]."""
    mean: Floats = (values * weight).sum(axis=1) / np.maximum(weight.sum(axis=0), 1)
    return mean
