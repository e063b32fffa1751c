"""The rows of an enrolment, kept until the profile is frozen from them, or gathered again to freeze it anew."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

import numpy as np

from contracts.verdicts import DeviceProfile
from detectors.chunks import MinuteChunk, minutes_of
from detectors.intake import RowBuffer
from detectors.preprocessing import Rows
from detectors.ticks import MinuteStream, Tick


class Enrolment:
    """Rows since `first_event_minute`, the first valid minute that counts; at most 11 a valid minute, 17 bytes each.

    `pulse_medians_bpm` are the usual distances between heart rate and pulse, one a decision that knew it.
    """

    __slots__ = (
        "_event_minute",
        "_interpolated",
        "_values",
        "first_event_minute",
        "pulse_medians_bpm",
        "valid_minutes",
    )

    def __init__(self, first_event_minute: int) -> None:
        self.first_event_minute = first_event_minute
        self.valid_minutes = 0
        self.pulse_medians_bpm = array("f")
        self._values = array("f")
        self._event_minute = array("q")
        self._interpolated = array("b")

    def add(self, rows: RowBuffer, tick: Tick) -> None:
        """Add what one valid minute pushed: its rows, the last of them the minute itself."""
        self.valid_minutes += 1
        if tick.pulse_median_bpm is not None:
            self.pulse_medians_bpm.append(tick.pulse_median_bpm)
        for row in range(tick.first_row, tick.end_row):
            if rows.event_minute[row] >= self.first_event_minute:
                self._values.append(rows.values[2 * row])
                self._values.append(rows.values[2 * row + 1])
                self._event_minute.append(rows.event_minute[row])
                self._interpolated.append(row < tick.end_row - 1)

    def rows(self) -> Rows:
        """Return a copy of the rows, as `pushed_rows` gives them."""
        values = np.array(self._values, np.float32).reshape(-1, 2)
        return Rows(values, np.array(self._event_minute, np.int64), np.array(self._interpolated, np.bool_))


def enrolment_again(profile: DeviceProfile, chunks: Iterable[MinuteChunk]) -> Enrolment | None:
    """Return the enrolment that a profile was frozen from, or None when its minutes are not all there.

    `chunks`: minutes of its session read back in the order of the topic, from `guards.PULSE_WINDOW_MIN` before it.
    """
    enrolment, stream = Enrolment(profile.first_event_minute), MinuteStream(0, 0)
    through = -math.inf
    for chunk in chunks:
        rows = RowBuffer()
        for event_minute, vitals in enumerate(minutes_of(chunk), chunk.first_event_minute):
            if not through < event_minute <= profile.last_event_minute:
                continue
            through = event_minute
            tick = stream.push(event_minute, *vitals, rows)
            if tick.valid and event_minute >= profile.first_event_minute:
                enrolment.add(rows, tick)
    ends = enrolment.rows().event_minute[[0, -1]] if enrolment.valid_minutes else ()
    return enrolment if tuple(ends) == (profile.first_event_minute, profile.last_event_minute) else None
