"""One device's stream of minutes: old ones refused, the rest pushed as rows with short gaps closed."""

from __future__ import annotations

from typing import Final

from detectors.preprocessing import HIGHEST, LOWEST, MAX_GAP_MIN
from detectors.votes import seen_after, was_seen

_HEART_LOW, _RESP_LOW = LOWEST
_HEART_HIGH, _RESP_HIGH = HIGHEST
_CLOSES_WITHIN: Final = MAX_GAP_MIN + 1


class RowBuffer:
    """Rows pushed in one pass over a micro-batch, all devices one after another, as plain numbers.

    `values` holds heart rate (bpm) and respiratory rate (breaths/min) in turn, `event_minute` one entry a row.
    """

    __slots__ = ("event_minute", "values")

    def __init__(self) -> None:
        self.values: list[float] = []
        self.event_minute: list[int] = []

    def __len__(self) -> int:
        return len(self.event_minute)


class Intake:
    """What is remembered of a device's minutes to admit the next one: the streaming form of `pushed_rows`."""

    __slots__ = ("_heart", "_resp", "_valid_at", "applied_through", "seen_mask")

    def __init__(self, applied_through: int, seen_mask: int = 0) -> None:
        self.applied_through = applied_through
        self.seen_mask = seen_mask
        self._valid_at: int | None = None
        self._heart = self._resp = 0.0

    def refused(self, event_minute: int) -> str | None:
        """Return why a minute must be dropped (`duplicate`: applied before, `late`: too old), or None."""
        minutes_ago = self.applied_through - event_minute
        if minutes_ago < 0:
            return None
        return "duplicate" if was_seen(self.seen_mask, minutes_ago) else "late"

    def admit(self, event_minute: int) -> None:
        """Move event time on to a minute that was not refused, be it valid or missing."""
        self.seen_mask = seen_after(self.seen_mask, event_minute - self.applied_through)
        self.applied_through = event_minute

    def push(
        self, event_minute: int, heart_rate_bpm: float | None, resp_rate_bpm: float | None, rows: RowBuffer
    ) -> bool:
        """Append the rows that a minute pushes, the minute's own last; return whether it is valid (else none)."""
        if heart_rate_bpm is None or not _HEART_LOW <= heart_rate_bpm <= _HEART_HIGH:
            return False
        if resp_rate_bpm is None or not _RESP_LOW <= resp_rate_bpm <= _RESP_HIGH:
            return False
        if self._valid_at is not None and 1 < event_minute - self._valid_at <= _CLOSES_WITHIN:
            self._close_gap(event_minute, heart_rate_bpm, resp_rate_bpm, rows)
        rows.values += (heart_rate_bpm, resp_rate_bpm)
        rows.event_minute.append(event_minute)
        self._valid_at, self._heart, self._resp = event_minute, heart_rate_bpm, resp_rate_bpm
        return True

    def _close_gap(self, event_minute: int, heart_rate_bpm: float, resp_rate_bpm: float, rows: RowBuffer) -> None:
        assert self._valid_at is not None
        distance = event_minute - self._valid_at
        for step in range(1, distance):
            part = step / distance
            rows.values += (
                self._heart + (heart_rate_bpm - self._heart) * part,
                self._resp + (resp_rate_bpm - self._resp) * part,
            )
            rows.event_minute.append(self._valid_at + step)
