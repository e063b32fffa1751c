"""The windows a device may train on: its own, unflagged, and old enough for a vote to have noticed poison."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.messages.verdicts import DeviceProfile
from detectors.array_types import Bools, Floats, Floats32, Ints
from detectors.minutes.cleaning import MAX_GAP_MIN, clean, on_grid
from detectors.minutes.windows import MAX_SPAN_MIN, WINDOW_MIN, cut_windows, scaled, usable_window_ends
from fl_device.tasks.task import OwnHours

STRIDE_MIN: Final = 8
HELD_OUT_WINDOWS: Final = 16
HELD_OUT_SHARE: Final = 4  # one of so many, while there are few
_LOOK_BACK_MIN: Final = MAX_SPAN_MIN + MAX_GAP_MIN + 1
_FIRST: Final = -sys.maxsize


@dataclass(frozen=True, slots=True)
class JudgedMinutes:
    """Rising event minutes of one device with what its detector says of them.

    `event_minute` int64[n]; `vitals` float64[n, 2] (bpm, breaths/min; NaN = missing); `benign` bool[n], the state at
    that minute; `clean` bool[n], the window that ends there was scored and not flagged.
    """

    event_minute: Ints
    vitals: Floats
    benign: Bools
    clean: Bools


@dataclass(frozen=True, slots=True)
class TrainingWindows:
    """Windows released for training: `values` float32[n, 60, 2] in bpm and breaths/min, `event_minute` int64[n, 60].

    `weight` float32[n, 60, 2] is 0 where a value was filled in or stands beside a cut, else 1.
    """

    values: Floats32
    event_minute: Ints
    weight: Floats32

    def __len__(self) -> int:
        return len(self.values)


_Window = tuple[Floats32, Ints, Floats32]


class OwnWindows:
    """Keeps clean windows of benign minutes and releases each once the device stayed benign for the vote's horizon.

    A window that ended between the onset of poisoning and the vote that noticed it is still waiting when the state
    changes, and is forgotten then. Between the ends of two lie at least `stride_min` event minutes.

    The newest `held_out` of the released ones (a quarter while there are few) are for measuring models, until newer ones take their places:
    no window is trained on before it has been held out, nor while it shares a minute with one that is. Of the others the newest
    `max_windows` are kept.
    """

    def __init__(self, *, max_windows: int, horizon_min: int, stride_min: int = STRIDE_MIN, held_out: int = 0) -> None:
        self._horizon_min = horizon_min
        self._stride_min = stride_min
        self._waiting: deque[tuple[int, _Window]] = deque()
        self._max_windows = max_windows
        self._held_out = held_out
        sharing = -(-WINDOW_MIN // stride_min) if held_out else 0
        most = max(max_windows + held_out + sharing, HELD_OUT_SHARE * held_out)
        self._released: deque[_Window] = deque(maxlen=most)
        self._next_end = _FIRST
        self._minutes = np.empty(0, np.int64)
        self._vitals = np.empty((0, 2), np.float64)

    def forget(self) -> None:
        """Start anew: another session has begun, with another profile."""
        self._waiting.clear()
        self._released.clear()
        self._next_end = _FIRST
        self._minutes, self._vitals = self._minutes[:0], self._vitals[:0]

    def observe(self, judged: JudgedMinutes) -> None:
        """Take in the next minutes, all after those taken in before."""
        if not len(judged.event_minute):
            return
        # First of all, so that a jump of years in the device's clock does not become a series of as many minutes.
        recent = self._minutes >= judged.event_minute[0] - _LOOK_BACK_MIN
        self._minutes = np.concatenate([self._minutes[recent], judged.event_minute])
        self._vitals = np.concatenate([self._vitals[recent], judged.vitals])
        windows = self._windows_ending_at(judged.event_minute[judged.benign & judged.clean])
        for minute, benign in zip(judged.event_minute.tolist(), judged.benign.tolist(), strict=True):
            if not benign:
                self._waiting.clear()
                continue
            if minute in windows:
                self._waiting.append((minute, windows[minute]))
            while self._waiting and self._waiting[0][0] + self._horizon_min <= minute:
                self._released.append(self._waiting.popleft()[1])

    def released(self) -> TrainingWindows:
        """Return copies of the windows that may be trained on now, oldest first."""
        windows = list(self._released)
        measured = self._measured()
        if measured:
            first_minute = int(measured[0][1][0])
            windows = [window for window in windows if int(window[1][-1]) < first_minute]
        return _stacked(windows[-self._max_windows :])

    def held_out(self) -> TrainingWindows:
        """Return copies of the windows that models are measured on now, oldest first."""
        return _stacked(self._measured())

    def _measured(self) -> list[_Window]:
        windows = list(self._released)
        count = min(self._held_out, len(windows) // HELD_OUT_SHARE)
        return windows[len(windows) - count :]

    def _windows_ending_at(self, wanted: Ints) -> dict[int, _Window]:
        """Cut the windows that end at wanted minutes, a stride apart."""
        if not len(wanted) or int(wanted[-1]) < self._next_end:
            return {}
        first = int(self._minutes[0])
        series = np.full((int(self._minutes[-1]) - first + 1, 2), np.nan)
        series[self._minutes - first] = self._vitals
        cleaned = clean(first, series[:, 0], series[:, 1])
        usable = usable_window_ends(cleaned)
        usable = usable[np.isin(cleaned.event_minute[usable], wanted)]
        usable = usable[self._a_stride_apart(cleaned.event_minute[usable])]
        values, minutes = cut_windows(cleaned, usable)
        weights = [cleaned.weight[end - WINDOW_MIN + 1 : end + 1] for end in usable]
        return {
            int(minute[-1]): (value, minute, weight)
            for value, minute, weight in zip(values, minutes, weights, strict=True)
        }

    def _a_stride_apart(self, ends: Ints) -> list[int]:
        """Return the positions of those ends (rising event minutes) that lie far enough from the one kept before."""
        kept: list[int] = []
        for position, minute in enumerate(ends.tolist()):
            if minute >= self._next_end:
                kept.append(position)
                self._next_end = minute + self._stride_min
        return kept


def _stacked(windows: Sequence[_Window]) -> TrainingWindows:
    if not windows:
        nothing = np.empty((0, WINDOW_MIN, 2), np.float32)
        return TrainingWindows(nothing, np.empty((0, WINDOW_MIN), np.int64), nothing)
    values, minutes, weights = zip(*windows, strict=True)
    return TrainingWindows(np.stack(values), np.stack(minutes), np.stack(weights))


def own_hours(windows: TrainingWindows, profile: DeviceProfile) -> OwnHours:
    """Return a device's windows in the terms of its profile, their filled minutes on the monitor's grid."""
    grid = np.asarray(profile.grid_bpm, np.float64)
    values = on_grid(windows.values.astype(np.float64), grid)
    return OwnHours(
        z=scaled(values, profile.median, profile.scale),
        weight=windows.weight,
        event_minute=windows.event_minute,
        context=np.asarray(profile.context, np.float32),
        half_cell=(0.5 * grid / np.asarray(profile.scale)).astype(np.float32),
    )
