"""Whether values sit on a grid of their own: scaled readings leave gaps on the grid that the monitor writes.

The histogram of readings on the monitor's grid is transformed; a factor s puts a peak at the frequency 1/s. A device's
natural preference for whole numbers peaks at multiples of a tenth, which are left out. Few distinct readings (a paced
heart, a ventilator) have power everywhere, so that a peak is measured against the average frequency. An attacker who dithers,
or who scales before the monitor averages, leaves no such trace: results are reported with and without these features.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]

LATTICE_FEATURES: Final = ("heart_rate_lattice", "resp_rate_lattice", "joint_lattice")
BINS: Final = 1024
LOWEST_FREQUENCY: Final = 0.12  # below it lies what the spread of an hour's readings leaves
NATURAL_WIDTH: Final = 0.025
LEAST_POWER: Final = np.float32(0.1)


def _searched() -> NDArray[np.int64]:
    """Bins of the transform at which a factor may show; a factor's frequency f above 1/2 shows at 1 - f."""
    frequency = np.arange(BINS // 2 + 1) / BINS
    tenth = np.abs(frequency * 10 - np.round(frequency * 10)) / 10
    return np.flatnonzero((frequency > LOWEST_FREQUENCY) & (tenth > NATURAL_WIDTH))


_SEARCHED: Final = _searched()


def lattice_features(heart_bpm: Floats, breath_bpm: Floats, grid_bpm: Floats) -> Floats:
    """Return float32[3, B], in the order of `LATTICE_FEATURES`, of windows float32[L, B] and grids float32[2, B] (bpm)."""
    heart = _contrast(heart_bpm, grid_bpm[0])
    breath = _contrast(breath_bpm, grid_bpm[1])
    found: Floats = np.log1p(np.stack([heart.max(0), breath.max(0), (heart + breath).max(0)]))
    return found


def _contrast(bpm: Floats, grid_bpm: Floats) -> Floats:
    """Power of the histogram at the searched frequencies, float32[k, B], in units of their average."""
    length, batch = bpm.shape
    steps = np.rint(bpm / grid_bpm).astype(np.int64) % BINS
    counts = np.bincount((steps * batch + np.arange(batch)).ravel(), minlength=BINS * batch).reshape(BINS, batch)
    transformed = fft.rfft(counts.astype(np.float32), axis=0)[_SEARCHED]
    power = (np.square(transformed.real) + np.square(transformed.imag)) / np.float32(length)
    contrast: Floats = (power / (power.mean(0) + LEAST_POWER)).astype(np.float32, copy=False)
    return contrast
