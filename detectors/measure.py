"""How a device's minutes are measured: its scale, its usual roughness, its monitor's grid and its usual residuals."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import Rows, robust_scale

Floats = NDArray[np.float32]

DIFFERENCE_FLOOR: Final = 0.05
GRIDS_BPM: Final = (0.1, 1.0)
WHOLE_SHARE: Final = 0.97


class Measure(NamedTuple):
    """One device; float32[2] each (heart rate, respiratory rate), but `residual_rms` float32[4] (both autoencoders).

    `median` and `scale` in bpm and breaths/min, `difference_sd` the sd of minute-to-minute differences of z, `grid_bpm` what the monitor
    rounds to, `residual_rms` in scaled units.
    """

    median: Floats
    scale: Floats
    difference_sd: Floats
    grid_bpm: Floats
    residual_rms: Floats


def measure_rows(rows: Rows) -> Measure:
    """Return the measure learnt from a device's rows (at least one); the residuals' RMS is 1 until they are known."""
    median, scale = robust_scale(rows.values)
    together = np.diff(rows.event_minute) == 1
    together &= ~rows.interpolated[1:] & ~rows.interpolated[:-1]
    differences = (np.diff(rows.values, axis=0)[together] / scale).astype(np.float64)
    roughness = differences.std(axis=0) if len(differences) else np.ones(2)
    measured = rows.values[~rows.interpolated]
    whole = (np.abs(measured - np.rint(measured)) < 1e-3).mean(axis=0) if len(measured) else np.zeros(2)
    grid = np.where(whole > WHOLE_SHARE, GRIDS_BPM[1], GRIDS_BPM[0])
    return Measure(
        *(array.astype(np.float32) for array in (median, scale, roughness + DIFFERENCE_FLOOR, grid, np.ones(4)))
    )
