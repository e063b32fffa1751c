"""How densely a device is measured: where too many minutes are invented by interpolation, nothing is judged."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Bools, Ints

SPARSE_SHARE: Final = 0.4
"""Of the last hour's or the last six hours' valid minutes: where so many were filled, too few were measured.

Chosen on fifty real stays (docs/detection.md): a value every second minute is refused, ordinary dropouts are not.
"""
LOOKED_AT_MIN: Final = (60, 360)
INTERVALS_KEPT: Final = 24

_DAY_MIN: Final = 1440
_REMEMBERED: Final = (1 << _DAY_MIN + 360) - 1
_LONGEST: Final = max(LOOKED_AT_MIN)
_MASKS: Final = {minutes: (1 << minutes) - 1 for minutes in LOOKED_AT_MIN}


def too_sparse(observed: Bools, last: Ints) -> Bools:
    """Return bool[k]: up to the valid minute `last` int64[k] too many were filled. `observed` bool[n] tells the measured ones.

    >>> too_sparse(np.arange(120) % 2 == 0, np.array([59, 119])).tolist()
    [True, True]
    """
    filled = np.concatenate([[0], np.cumsum(~observed)])
    sparse = np.zeros(len(last), np.bool_)
    for minutes in LOOKED_AT_MIN:
        first = np.maximum(last + 1 - minutes, 0)
        sparse |= filled[last + 1] - filled[first] >= SPARSE_SHARE * (last + 1 - first)
    return sparse


class FilledMinutes:
    """Which of a stream's last valid minutes were filled: what `too_sparse` says, minute by minute."""

    __slots__ = ("_filled", "_minutes")

    def __init__(self) -> None:
        self._filled = 0  # a shift register: bit k is the k-th last valid minute
        self._minutes = 0

    def push(self, *, is_filled: bool) -> None:
        """Count the next valid minute."""
        self._filled = (self._filled << 1 | is_filled) & _MASKS[_LONGEST]
        if self._minutes < _LONGEST:
            self._minutes += 1

    @property
    def too_sparse(self) -> bool:
        """Whether too many were filled up to the last minute counted."""
        return any(
            (self._filled & _MASKS[minutes]).bit_count() >= SPARSE_SHARE * min(self._minutes, minutes)
            for minutes in LOOKED_AT_MIN
        )


class MeasuredInterval:
    """The usual distance between a device's measured minutes within a day, of the last 25."""

    __slots__ = ("_last", "_measured")

    def __init__(self) -> None:
        self._last = 0
        self._measured = 0  # a shift register over event minutes: bit k is the minute k before the last measured one

    def push(self, event_minute: int) -> None:
        """Take a minute in which both channels were measured, later than the last."""
        passed = event_minute - self._last
        self._measured = (self._measured << passed | 1) & _REMEMBERED if passed < _DAY_MIN else 1
        self._last = event_minute

    def median_min(self, through: int) -> int:
        """Return the minutes from a measured one to the next up to an event minute. 1 with fewer than three measured.

        `through` may lie some hours back: what was measured after it does not count.
        """
        silent_min = through - self._last
        if silent_min >= _DAY_MIN:
            return 1
        measured = self._measured << silent_min if silent_min > 0 else self._measured >> -silent_min
        ago = [minute for minute in range(_DAY_MIN) if measured >> minute & 1][: INTERVALS_KEPT + 1]
        return int(np.median(np.diff(ago))) if len(ago) > 2 else 1
