"""What one channel's last minutes look like: level, spread, roughness, flatness, shape and sudden steps.

Every function is feature-major: minutes along the first axis, the batch last, so that a reduction runs over contiguous
memory and a window's result does not depend on its neighbours.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SAME_WITHIN_BPM: Final = 0.25  # monitors write tenths: two minutes that differ by less than this are alike
STEP_MIN: Final = 10
TINY: Final = np.float32(1e-4)
USUAL_FLOOR: Final = np.float32(0.1)

CHANNEL_FEATURES: Final = (
    "mean",
    "slope",
    "log_variance",
    "log_difference_power",
    "log_difference_mean",
    "log_usual_difference",
    "log_usual_deviation",
    "log_band_power",
    "difference_autocorrelation",
    "share_alike",
    "log_longest_run",
    "log_largest_difference",
    "log_ratio_of_halves",
    "skew",
    "log_kurtosis",
    "difference_skew",
    "largest_step",
    "sharpest_step",
)


def channel_features(z: Floats, bpm: Floats, difference_sd: Floats) -> Floats:
    """Return float32[18, B], in the order of `CHANNEL_FEATURES`, of one channel's windows.

    `z` float32[L, B] is the channel in the device's own scale, `bpm` the same minutes unscaled, `difference_sd` float32[B] the
    device's usual standard deviation of minute-to-minute differences of z. The usual difference and deviation are geometric means,
    which a few artefacts (a minute cut short by a gap, a miscounted breath) hardly move; mean squares are theirs.
    """
    length = len(z)
    mean = z.mean(0)
    centred = z - mean
    clock = np.linspace(-1.0, 1.0, length, dtype=np.float32)[:, None]
    slope = (clock * centred).sum(0) / np.square(clock).sum()
    detrended = centred - slope * clock
    variance = np.square(detrended).mean(0) + TINY
    rough = np.diff(z, axis=0) / difference_sd
    power = np.square(rough)
    half = length // 2
    cubed = detrended * np.square(detrended)
    mean_power = power.mean(0) + TINY
    step, sharp = steps(centred, rough * difference_sd)
    return np.stack(
        [
            np.arcsinh(mean),
            np.arcsinh(slope),
            np.log(variance),
            np.log(mean_power),
            np.log(np.abs(rough).mean(0) + 0.01),
            np.log(np.abs(rough) + USUAL_FLOOR).mean(0),
            np.log(np.abs(detrended) + USUAL_FLOOR).mean(0),
            np.log(_band_power(centred) + TINY),
            (rough[1:] * rough[:-1]).mean(0) / mean_power,
            *_flatness(bpm),
            np.log(np.abs(rough).max(0) + 0.05),
            np.log((power[half:].mean(0) + 0.01) / (power[:half].mean(0) + 0.01)),
            np.cbrt(cubed.mean(0) / variance**1.5),
            np.log((cubed * detrended).mean(0) / np.square(variance) + 0.1),
            np.cbrt((power * rough).mean(0) / mean_power**1.5),
            np.arcsinh(np.abs(step).max(0)),
            np.arcsinh(np.abs(sharp).max(0)),
        ]
    ).astype(np.float32, copy=False)


def steps(centred: Floats, difference: Floats) -> tuple[Floats, Floats]:
    """Return (step, sharp step), float32[L - 19, B] each, at every place that has 10 minutes on both sides.

    A step is the mean of the 10 minutes after a place minus that of the 10 before; it is sharp as far as a single
    minute accounts for it: the smaller of both in size, 0 when they point apart.
    """
    total = np.concatenate([np.zeros_like(centred[:1]), np.cumsum(centred, axis=0)])
    window_sum = total[STEP_MIN:] - total[:-STEP_MIN]
    step = (window_sum[STEP_MIN:] - window_sum[:-STEP_MIN]) / STEP_MIN
    at_once = difference[STEP_MIN - 1 : len(centred) - STEP_MIN]
    sharp = np.where(step * at_once > 0, np.sign(step) * np.minimum(np.abs(step), np.abs(at_once)), np.float32(0))
    return step, sharp


def moving_mean(values: Floats, width: int) -> Floats:
    """Return float32[L - width + 1, B]: the mean of every `width` minutes in a row."""
    total = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    mean: Floats = (total[width:] - total[:-width]) / np.float32(width)
    return mean


def _band_power(centred: Floats) -> Floats:
    """Mean square of what moves within 5 to 21 minutes."""
    band = moving_mean(centred, 5)[8:-8] - moving_mean(centred, 21)
    power: Floats = np.square(band).mean(0)
    return power


def _flatness(bpm: Floats) -> tuple[Floats, Floats]:
    """Share of minutes like the one before, and the logarithm of the longest run of them."""
    alike = np.abs(np.diff(bpm, axis=0)) < SAME_WITHIN_BPM
    place = np.arange(1, len(alike) + 1, dtype=np.int16)[:, None]
    last_change = np.maximum.accumulate(np.where(alike, np.int16(0), place), axis=0)
    longest = (place - last_change).max(0)
    return alike.mean(0, dtype=np.float32), np.log1p(longest.astype(np.float32))
