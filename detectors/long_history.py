"""The last eighteen hours of rows of every device, small: hundredths in 16 bits, unrolled only when a long window is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.features.catalogue import SLOW_MIN
from detectors.features.long_means import HISTORY_MIN
from detectors.windows import EMPTY, STEPS_A_BPM

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

FIRST_CAPACITY: Final = 64


@dataclass(frozen=True, slots=True)
class LongWindows:
    """Windows of eighteen hours that were asked for.

    `usable` bool[k]: six hours of rows end there, within twelve hours of event time; of those u, `values`
    float32[u, 1080, 2] (bpm, breaths/min) and `event_minute` int64[u, 1080].
    """

    usable: NDArray[np.bool_]
    values: Floats
    event_minute: Ints

    @classmethod
    def joined(cls, parts: Sequence[LongWindows]) -> LongWindows:
        """Return the windows of several devices, one after another."""
        empty = cls(
            np.empty(0, np.bool_), np.empty((0, HISTORY_MIN, 2), np.float32), np.empty((0, HISTORY_MIN), np.int64)
        )
        parts = [empty, *parts]
        return cls(
            np.concatenate([part.usable for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.event_minute for part in parts]),
        )


class LongHistory:
    """Ring of 1080 rows a device: int16[devices, 1080, 2] hundredths and int32[devices, 1080] event minutes, 8.6 kB. Not thread-safe."""

    def __init__(self) -> None:
        self._steps = np.zeros((FIRST_CAPACITY, HISTORY_MIN, 2), np.int16)
        self._event_minute = np.full((FIRST_CAPACITY, HISTORY_MIN), EMPTY, np.int32)
        self._next = np.zeros(FIRST_CAPACITY, np.int64)

    def clear(self, slot: int) -> None:
        """Forget a slot's rows; slots are those of `History`, and grow with them."""
        while slot >= len(self._next):
            self._steps = np.concatenate([self._steps, np.zeros_like(self._steps)])
            self._event_minute = np.concatenate([self._event_minute, np.full_like(self._event_minute, EMPTY)])
            self._next = np.concatenate([self._next, np.zeros_like(self._next)])
        self._steps[slot] = 0
        self._event_minute[slot] = EMPTY
        self._next[slot] = 0

    def push(self, slot: int, values: Floats, event_minute: Ints) -> None:
        """Write new rows float32[n, 2] (bpm, breaths/min) of one device, oldest first."""
        values, event_minute = values[-HISTORY_MIN:], event_minute[-HISTORY_MIN:]
        at = (self._next[slot] + np.arange(len(values))) % HISTORY_MIN
        self._steps[slot, at] = np.rint(values * STEPS_A_BPM)
        self._event_minute[slot, at] = event_minute
        self._next[slot] = (self._next[slot] + len(values)) % HISTORY_MIN

    def windows(self, slot: int, values: Floats, event_minute: Ints, rows: Ints) -> LongWindows:
        """Return the windows that end at `rows` of rows not pushed yet.

        `values` float32[n, 2] and `event_minute` int64[n] follow what the slot holds; `rows` int64[k] index them.
        """
        order = (self._next[slot] + np.arange(1, HISTORY_MIN)) % HISTORY_MIN
        fresh = np.rint(values * STEPS_A_BPM).astype(np.int16)
        steps = np.concatenate([self._steps[slot, order], fresh])
        minutes = np.concatenate([self._event_minute[slot, order].astype(np.int64), event_minute])
        cut_minutes = sliding_window_view(minutes, HISTORY_MIN)[rows]
        usable = cut_minutes[:, -1] - cut_minutes[:, -SLOW_MIN] <= 2 * SLOW_MIN
        cut = sliding_window_view(steps, HISTORY_MIN, axis=0)[rows[usable]].transpose(0, 2, 1)
        return LongWindows(usable, cut.astype(np.float32) / np.float32(STEPS_A_BPM), cut_minutes[usable])
