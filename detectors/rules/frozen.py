"""The frozen rule: neither channel changes for an hour of observed minutes.

A paced heart and controlled ventilation together stood still for 48 minutes at most among the reference patients.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Ints
from detectors.minutes.cleaning import CleanMinutes

LIMIT_MIN: Final = 60
COUNTED_MIN: Final = 2 * LIMIT_MIN
"""Longer runs are not told apart: what is read back after a restart need not reach back to the start of one."""
SAME_BPM: Final = 0.05  # half a tenth, the finest grid: floats on a grid are never compared with ==


class FrozenRun:
    """How many observed minutes in a row neither channel changed (two hours: or more), minute by minute."""

    __slots__ = ("_breath", "_heart", "minutes")

    def __init__(self) -> None:
        self._heart = self._breath = -1.0
        self.minutes = 0

    def push(self, heart_rate_bpm: float, resp_rate_bpm: float) -> None:
        """Take in the next minute with both channels measured."""
        if abs(heart_rate_bpm - self._heart) >= SAME_BPM or abs(resp_rate_bpm - self._breath) >= SAME_BPM:
            self.minutes = 1
        elif self.minutes < COUNTED_MIN:
            self.minutes += 1
        self._heart, self._breath = heart_rate_bpm, resp_rate_bpm


def stream_runs(minutes: CleanMinutes) -> Ints:
    """Return int64[n]: the run at every valid minute of a stream (a filled minute leaves it as it is)."""
    seen = np.flatnonzero(minutes.observed)
    if not len(seen):
        return np.zeros(len(minutes), np.int64)
    moved = np.r_[True, (np.abs(np.diff(minutes.values[seen], axis=0)) >= SAME_BPM).any(axis=1)]
    at = np.arange(len(seen))
    run = np.minimum(at - np.maximum.accumulate(np.where(moved, at, 0)) + 1, COUNTED_MIN)
    last = np.searchsorted(seen, np.arange(len(minutes)), side="right") - 1
    return np.where(last >= 0, run[np.maximum(last, 0)], 0)
