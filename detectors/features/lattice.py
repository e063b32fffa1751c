"""Whether values sit on a grid of their own: scaled readings leave gaps on the grid that the monitor writes.

The histogram of readings on the monitor's grid is transformed; a factor s puts a peak at the frequency 1/s. A device's
natural preference for whole numbers peaks at multiples of a tenth, which are left out. An attacker who dithers, or who
scales before the monitor averages, leaves no such trace: results are reported with and without these features.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LATTICE_FEATURES: Final = ("heart_rate_lattice", "resp_rate_lattice", "joint_lattice")
BINS: Final = 1024
LOWEST_FREQUENCY: Final = 0.3
HIGHEST_FREQUENCY: Final = 0.965
NATURAL_WIDTH: Final = 0.008


def _searched() -> NDArray[np.int64]:
    """Bins of the transform at which a factor may show."""
    frequency = np.arange(BINS // 2 + 1) / BINS
    # A real transform holds f in 0..1/2; a factor's frequency above that shows at 1 - f.
    tenth = np.abs(frequency * 10 - np.round(frequency * 10)) / 10
    low = min(LOWEST_FREQUENCY, 1 - HIGHEST_FREQUENCY)
    return np.flatnonzero((frequency > low) & (tenth > NATURAL_WIDTH))


_SEARCHED: Final = _searched()


def lattice_features(heart_bpm: Floats, breath_bpm: Floats, grid_bpm: Floats) -> Floats:
    """Return float32[3, B], in the order of `LATTICE_FEATURES`, of windows float32[L, B] and grids float32[2, B] (bpm)."""
    heart = _power(heart_bpm, grid_bpm[0])
    breath = _power(breath_bpm, grid_bpm[1])
    found: Floats = np.log1p(np.stack([heart.max(0), breath.max(0), (heart + breath).max(0)]))
    return found


def _power(bpm: Floats, grid_bpm: Floats) -> Floats:
    """Power of the histogram at the searched frequencies, float32[k, B]; about 1 where there is no lattice."""
    length, batch = bpm.shape
    steps = np.rint(bpm / grid_bpm).astype(np.int64) % BINS
    counts = np.bincount((steps * batch + np.arange(batch)).ravel(), minlength=BINS * batch).reshape(BINS, batch)
    transformed = np.fft.rfft(counts.astype(np.float32), axis=0)[_SEARCHED]
    power = (np.square(transformed.real) + np.square(transformed.imag)) / np.float32(length)
    return power.astype(np.float32, copy=False)
