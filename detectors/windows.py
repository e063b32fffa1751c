"""Windows of a whole series at once, for enrolment, training and tests: what the engine cuts from its rings a minute at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.features.catalogue import SLOW_MIN
from detectors.features.long_means import HISTORY_MIN
from detectors.preprocessing import Rows, cut_windows, usable_window_ends

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BLOCK_MIN: Final = 5
STEPS_A_BPM: Final = 100
EMPTY: Final = -(1 << 30)  # an event minute so old that nothing which reaches it counts


@dataclass(frozen=True, slots=True)
class Windows:
    """B windows of many devices, each belonging to its last minute.

    `owner` int64[B] tells whose, `values` float32[B, 60, 2] in bpm and breaths/min, `event_minute` int64[B, 60]. Those at the
    places `slow` int64[k] have eighteen hours as well: `slow_values` float32[k, 1080, 2], `slow_minute` int64[k, 1080].
    """

    owner: Ints
    values: Floats
    event_minute: Ints
    slow: Ints
    slow_values: Floats
    slow_minute: Ints

    def __len__(self) -> int:
        return len(self.owner)


def windows_at(rows: Rows, ends: Ints) -> Windows:
    """Return one device's windows that end at the rows `ends` (usable ones), with eighteen hours wherever six are there."""
    values, event_minute = cut_windows(rows, ends)
    slow = np.flatnonzero(_reaches_back(rows, ends))
    stored = np.rint(rows.values * STEPS_A_BPM).astype(np.float32) / np.float32(STEPS_A_BPM)
    padded = np.concatenate([np.zeros((HISTORY_MIN, 2), np.float32), stored])
    minutes = np.concatenate([np.full(HISTORY_MIN, EMPTY), rows.event_minute])
    slow_values = sliding_window_view(padded, HISTORY_MIN, axis=0)[ends[slow] + 1].transpose(0, 2, 1)
    slow_minute = sliding_window_view(minutes, HISTORY_MIN)[ends[slow] + 1]
    return Windows(np.zeros(len(ends), np.int64), values, event_minute, slow, slow_values, slow_minute)


def decision_ends(rows: Rows, first_row: int = 0, end_row: int | None = None) -> Ints:
    """Return the rows in [first_row, end_row) at which a decision falls: the first valid minute of a five-minute block, if usable."""
    valid = np.flatnonzero(~rows.interpolated)
    block = rows.event_minute[valid] // BLOCK_MIN
    first = valid[np.diff(block, prepend=-1) > 0]
    ends = np.intersect1d(first, usable_window_ends(rows), assume_unique=True)
    return ends[(ends >= first_row) & (ends < (len(rows) if end_row is None else end_row))]


def _reaches_back(rows: Rows, ends: Ints) -> NDArray[np.bool_]:
    first = ends - (SLOW_MIN - 1)
    span = rows.event_minute[ends] - rows.event_minute[np.maximum(first, 0)]
    return np.logical_and(first >= 0, span <= 2 * SLOW_MIN)
