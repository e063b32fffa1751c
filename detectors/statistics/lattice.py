"""Whether values lie on a grid of their own, as multiplied ones do: the largest power of their phases.

A monitor writes whole steps. Values times 1.3 leave gaps between the steps that they can reach: at one of the frequencies
.14 .. .5 cycles a step, all phases point the same way. Sums are whole numbers, so that their order cannot matter.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Bools, Floats, Ints
from detectors.statistics.base import BOTH, BREATH, FAST_MIN, HEART, MIDDLE_MIN, Tail

FREQUENCIES: Final = np.linspace(0.14, 0.5, 72)  # cycles a grid step
HORIZONS_MIN: Final = (FAST_MIN, MIDDLE_MIN)
CHANNELS: Final = (HEART, BREATH, BOTH)
NAME: Final = "lattice"
SUMMARY: Final = "largest log power of the values' phases on their grid"
HIGH: Final = "on values that this monitor does not write, as if multiplied"
TAILS: Final = (Tail(NAME, +1, FAST_MIN), Tail(NAME, +1, MIDDLE_MIN))

SCALE: Final = 2000  # 15 minutes of it fit into 16 bits
LARGEST_STEP: Final = 3200

Phases = NDArray[np.int16]


def _table() -> Phases:
    angle = 2 * np.pi * np.arange(LARGEST_STEP + 1)[:, None] * FREQUENCIES
    phases = np.rint(SCALE * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)).astype(np.int16)
    return np.concatenate([phases, np.zeros_like(phases[:1])])


_PHASES: Final = _table()
_NOTHING: Final = LARGEST_STEP + 1
"""The row of a minute that was not measured: zeros."""


def block_phases(step: Ints, measured: Bools) -> Phases:
    """Return int16[R, 2, 144], the summed phases of blocks: values in grid steps int64[R, 15, 2], and which were measured.

    The first 72 are the cosines, then the sines.
    """
    at = np.where(measured, np.clip(step, 0, LARGEST_STEP), _NOTHING)
    total = np.zeros((len(step), 2, _PHASES.shape[1]), np.int16)
    one = np.empty_like(total)
    for minute in range(step.shape[1]):
        total += np.take(_PHASES, at[:, minute], axis=0, out=one, mode="clip")
    return total


def values(sums: NDArray[np.int32]) -> Floats:
    """Return float64[R, 3] (each channel, both at the same frequency) of phases summed over a horizon int32[R, 2, 144]."""
    cosine, sine = np.split(sums.astype(np.float64) / SCALE, 2, axis=2)
    power = cosine**2 + sine**2
    power = power / np.maximum(power.mean(axis=2, keepdims=True), 1e-6) + 0.05
    return np.asarray(np.log(np.concatenate([power.max(axis=2), power.sum(axis=1).max(axis=1)[:, None]], axis=1)))
