"""What heart and breathing do together: coupling, steps at the same minute, repetitions and rhythms."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from detectors.features.channel import SAME_WITHIN_BPM, moving_mean, steps

Floats = NDArray[np.float32]

PAIR_FEATURES: Final = (
    "correlation",
    "difference_correlation",
    "joint_step",
    "joint_sharp_step",
    "opposed_step",
    "autocorrelation_peak",
)
RHYTHM_FEATURES: Final = ("heart_rate_rhythm", "resp_rate_rhythm", "joint_rhythm", "crossed_peak", "crossed_at_zero")
TINY: Final = np.float32(1e-4)
HARMONICS: Final = 4
SHORTEST_PERIOD_MIN: Final = 10
LONGEST_PERIOD_MIN: Final = 90
SMOOTHED_MIN: Final = 61
LARGEST_SHIFT_MIN: Final = 30


def pair_features(heart_z: Floats, breath_z: Floats) -> Floats:
    """Return float32[6, B], in the order of `PAIR_FEATURES`, of windows float32[L, B] each."""
    heart, breath = heart_z - heart_z.mean(0), breath_z - breath_z.mean(0)
    heart_step, breath_step = np.diff(heart, axis=0), np.diff(breath, axis=0)
    return np.stack(
        [
            _correlation(heart, breath),
            _correlation(heart_step, breath_step),
            *_joint_steps(heart, breath, heart_step, breath_step),
            np.maximum(_autocorrelation_peak(heart), _autocorrelation_peak(breath)),
        ]
    ).astype(np.float32, copy=False)


def rhythm_features(heart_z: Floats, breath_z: Floats) -> Floats:
    """Return float32[5, B], in the order of `RHYTHM_FEATURES`: periods of 10 to 90 minutes, and heart against breathing."""
    heart, breath = _without_drift(heart_z), _without_drift(breath_z)
    of_heart, of_breath = _comb_power(heart), _comb_power(breath)
    crossed = _crossed(heart, breath)
    middle = len(crossed) // 2
    return np.stack(
        [
            np.log(of_heart.max(0) + TINY),
            np.log(of_breath.max(0) + TINY),
            np.log((of_heart * of_breath).max(0) + TINY),
            np.abs(crossed).max(0),
            crossed[middle],
        ]
    ).astype(np.float32, copy=False)


def _correlation(a: Floats, b: Floats) -> Floats:
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.sqrt((np.square(a).mean(0) + TINY) * (np.square(b).mean(0) + TINY))
    correlation: Floats = (a * b).mean(0) / scale
    return correlation


def _joint_steps(heart: Floats, breath: Floats, heart_step: Floats, breath_step: Floats) -> tuple[Floats, ...]:
    """The largest step that both take within 10 minutes; within one minute; and in opposite directions within one."""
    of_heart, sharp_heart = steps(heart, heart_step)
    of_breath, sharp_breath = steps(breath, breath_step)
    same = np.where(of_heart * of_breath > 0, np.minimum(np.abs(of_heart), np.abs(of_breath)), np.float32(0)).max(0)
    both = np.minimum(np.abs(sharp_heart), np.abs(sharp_breath))
    together = sharp_heart * sharp_breath > 0
    sharp = np.where(together, both, np.float32(0)).max(0)
    opposed = np.where(together, np.float32(0), both).max(0)
    return np.arcsinh(same), np.arcsinh(sharp), np.arcsinh(opposed)


def repeated_share(heart_bpm: Floats, breath_bpm: Floats) -> Floats:
    """Return the largest share, over lags of 5 minutes to half the window (at most 60), of minutes alike in both channels.

    float32[B] of windows float32[L, B]; the square root, so that a few repetitions count.
    """
    best = np.zeros(heart_bpm.shape[1], np.float32)
    for lag in range(5, min(len(heart_bpm) // 2, 60) + 1):
        alike = np.abs(heart_bpm[lag:] - heart_bpm[:-lag]) < SAME_WITHIN_BPM
        alike &= np.abs(breath_bpm[lag:] - breath_bpm[:-lag]) < SAME_WITHIN_BPM
        best = np.maximum(best, alike.mean(0, dtype=np.float32))
    return np.sqrt(best)


def _autocorrelation_peak(centred: Floats) -> Floats:
    """The largest autocorrelation at lags of 6 to 30 minutes."""
    padded = fft.rfft(centred, 2 * len(centred), axis=0)
    spectrum = np.square(padded.real) + np.square(padded.imag)
    correlation = fft.irfft(spectrum, 2 * len(centred), axis=0)[:31]
    peak: Floats = correlation[6:31].max(0) / (correlation[0] + TINY * len(centred))
    return peak


def _without_drift(z: Floats) -> Floats:
    margin = SMOOTHED_MIN // 2
    return z[margin:-margin] - moving_mean(z, SMOOTHED_MIN)


def _comb_power(values: Floats) -> Floats:
    """Share of power on a frequency and its next three multiples, float32[frequencies, B], relative to the average comb."""
    points = 4 * len(values)
    transformed = fft.rfft(values * np.hanning(len(values)).astype(np.float32)[:, None], points, axis=0)
    power = np.square(transformed.real) + np.square(transformed.imag)
    lowest, highest = points // LONGEST_PERIOD_MIN, points // SHORTEST_PERIOD_MIN
    bases = np.arange(lowest, highest + 1)
    comb = sum(power[np.minimum(bases * k, len(power) - 1)] for k in range(1, HARMONICS + 1))
    share: Floats = (comb / (power[lowest:].sum(0) + TINY)).astype(np.float32)
    return share


def _crossed(heart: Floats, breath: Floats) -> Floats:
    """Cross-correlation at shifts of -30 to 30 minutes, float32[61, B]."""
    points = 2 * len(heart)
    product = fft.rfft(heart, points, axis=0) * np.conj(fft.rfft(breath, points, axis=0))
    crossed = fft.irfft(product, points, axis=0)
    scale = np.sqrt((np.square(heart).sum(0) + 1) * (np.square(breath).sum(0) + 1))
    shifts = np.concatenate([crossed[-LARGEST_SHIFT_MIN:], crossed[: LARGEST_SHIFT_MIN + 1]])
    correlation: Floats = (shifts / scale).astype(np.float32)
    return correlation
