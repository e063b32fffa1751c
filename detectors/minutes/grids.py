"""The grid that a monitor writes its values on: whole numbers or tenths."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.types import Floats

TENTHS: Final = 0.1
WHOLE: Final = 1.0
WHOLE_SHARE: Final = 0.95


def grid_of(values: Floats) -> float:
    """Return the step (bpm or breaths/min) of a channel's measured values float[n]; tenths when there are none.

    >>> grid_of(np.array([80.0, 81.0, 79.0])), grid_of(np.array([80.2, 81.0, 79.7]))
    (1.0, 0.1)
    """
    known = values[np.isfinite(values)]
    if len(known) and float(np.mean(np.abs(known - np.rint(known)) < 1e-3)) > WHOLE_SHARE:
        return WHOLE
    return TENTHS


def on_grid(values: Floats, grid_bpm: Floats) -> Floats:
    """Return values float[..., 2] on the channels' grids float[2] (or one pair a row): filled ones lie between.

    >>> on_grid(np.array([80.26, 16.26]), np.array([1.0, 0.1])).round(1).tolist()
    [80.0, 16.3]
    """
    rounded: Floats = np.rint(values / grid_bpm) * grid_bpm
    return rounded
