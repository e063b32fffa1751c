"""The last rows of every device in one mirrored ring, and the windows that end at freshly pushed rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.preprocessing import MAX_SPAN_MIN, WINDOW_MIN
from detectors.windows import EMPTY

TAIL: Final = WINDOW_MIN - 1
FIRST_CAPACITY: Final = 64

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PushedWindows:
    """The windows that end at each of R pushed rows.

    `usable` bool[R]: the window is full and spans at most 120 event minutes.
    """

    usable: NDArray[np.bool_]
    _values: NDArray[np.float32]
    _event_minute: Ints
    _window_of_row: Ints

    def cut(self, rows: Ints) -> tuple[NDArray[np.float32], Ints]:
        """Return (values float32[B, 60, 2], event_minute int64[B, 60]) of the windows that end at `rows` int64[B]."""
        if not len(rows):
            return np.empty((0, WINDOW_MIN, 2), np.float32), np.empty((0, WINDOW_MIN), np.int64)
        at = self._window_of_row[rows]
        values = sliding_window_view(self._values, (WINDOW_MIN, 2))[at, 0]
        return values, sliding_window_view(self._event_minute, WINDOW_MIN)[at]


class History:
    """Ring of `WINDOW_MIN` rows a device, each row written twice so that any 60 in a row lie side by side.

    1.9 kB a device: float32[devices, 120, 2] values and int64[devices, 120] event minutes. Not thread-safe.
    """

    def __init__(self) -> None:
        self._values = np.empty((FIRST_CAPACITY, 2 * WINDOW_MIN, 2), np.float32)
        self._event_minute = np.empty((FIRST_CAPACITY, 2 * WINDOW_MIN), np.int64)
        self._next = np.zeros(FIRST_CAPACITY, np.int64)
        self._free = list(range(FIRST_CAPACITY))[::-1]

    def reserve(self) -> int:
        """Return an empty slot for one device."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.clear(slot)
        return slot

    def release(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def clear(self, slot: int) -> None:
        """Forget a slot's rows."""
        self._values[slot] = 0
        self._event_minute[slot] = EMPTY
        self._next[slot] = 0

    def push(self, slots: Ints, counts: Ints, values: NDArray[np.float32], event_minute: Ints) -> PushedWindows:
        """Write `counts[d]` new rows to each slot (distinct slots, rows of one device together), oldest first.

        `slots`, `counts` int64[D]; `values` float32[R, 2] and `event_minute` int64[R] with R = sum of counts.
        """
        windows = self._windows(slots, counts, values, event_minute)
        device = np.repeat(np.arange(len(slots)), counts)
        nth = np.arange(len(event_minute)) - (np.cumsum(counts) - counts)[device]
        lasting = nth >= counts[device] - WINDOW_MIN
        slot, at = slots[device], (self._next[slots][device] + nth) % WINDOW_MIN
        slot, at, values, event_minute = slot[lasting], at[lasting], values[lasting], event_minute[lasting]
        for mirror in (at, at + WINDOW_MIN):
            self._values[slot, mirror] = values
            self._event_minute[slot, mirror] = event_minute
        self._next[slots] = (self._next[slots] + counts) % WINDOW_MIN
        return windows

    def _windows(self, slots: Ints, counts: Ints, values: NDArray[np.float32], event_minute: Ints) -> PushedWindows:
        devices = len(slots)
        device = np.repeat(np.arange(devices), counts)
        window_of_row = np.arange(len(event_minute)) + TAIL * device
        tail_at = ((np.cumsum(counts) - counts) + TAIL * np.arange(devices))[:, None] + np.arange(TAIL)
        all_values = np.empty((len(event_minute) + TAIL * devices, 2), np.float32)
        all_minutes = np.empty(len(all_values), np.int64)
        oldest = self._next[slots] + 1
        all_values[tail_at] = sliding_window_view(self._values, (1, TAIL, 2))[slots, oldest, 0, 0]
        all_minutes[tail_at] = sliding_window_view(self._event_minute, TAIL, axis=1)[slots, oldest]
        all_values[window_of_row + TAIL] = values
        all_minutes[window_of_row + TAIL] = event_minute
        usable = event_minute - all_minutes[window_of_row] <= MAX_SPAN_MIN
        return PushedWindows(usable, all_values, all_minutes, window_of_row)

    def _grow(self) -> None:
        capacity = len(self._next)
        self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._event_minute = np.concatenate([self._event_minute, np.empty_like(self._event_minute)])
        self._next = np.concatenate([self._next, np.zeros_like(self._next)])
        self._free = list(range(capacity, 2 * capacity))[::-1]
