"""The rows of an open enrolment, kept until the profile is frozen from them."""

from __future__ import annotations

from array import array

import numpy as np

from detectors.intake import RowBuffer
from detectors.preprocessing import Rows
from detectors.ticks import Tick


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
