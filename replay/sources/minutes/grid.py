"""Find the grid that a monitor writes a channel's values on, and put them back on it exactly."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.recording import Vitals, round_to_grid

GRIDS_BPM: Final = (1.0, 0.1, 0.01, 0.001)
USUAL_GRID_BPM: Final = 0.1
FLOAT_NOISE: Final = 1e-6
FLOAT32_NOISE: Final = 2.0**-23
"""What 80.1 loses, relative to it, where it was a 32-bit float on its way: it comes as 80.0999984741211."""


def on_own_grid(values: Vitals) -> tuple[Vitals, float]:
    """Return a channel float64[n] (NaN = missing) on the coarsest grid that holds every value, and that grid.

    The grids are 1, 0.1, 0.01 and 0.001; without a value it is 0.1. Values finer than that stay as they are.
    """
    measured = values[~np.isnan(values)]
    if not len(measured):
        return values, USUAL_GRID_BPM
    noise = np.maximum(FLOAT_NOISE, FLOAT32_NOISE * np.abs(measured))
    for grid_bpm in GRIDS_BPM:
        if np.all(np.abs(measured - np.round(measured / grid_bpm) * grid_bpm) < noise):
            return round_to_grid(values, grid_bpm), grid_bpm
    return values, GRIDS_BPM[-1]
