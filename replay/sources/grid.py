"""Find the grid that a monitor writes its values on."""

from __future__ import annotations

import numpy as np

from replay.recording import Vitals

GRIDS_BPM = (1.0, 0.1, 0.01, 0.001)
USUAL_GRID_BPM = 0.1
FLOAT_NOISE = 1e-6


def detect_resolution_bpm(*channels: Vitals) -> float:
    """Return the coarsest grid that holds every value: 1, 0.1, 0.01 or else 0.001; 0.1 when nothing is measured."""
    values = np.concatenate(channels)
    values = values[~np.isnan(values)]
    if not len(values):
        return USUAL_GRID_BPM
    for grid in GRIDS_BPM:
        steps = values / grid
        if np.all(np.abs(steps - np.round(steps)) < FLOAT_NOISE / grid):
            return grid
    return GRIDS_BPM[-1]
