"""One device's minutes on their way in: rows pushed, guards fed, and which minutes are decided on."""

from __future__ import annotations

from typing import Final, NamedTuple

from detectors.guards import PulseGap, ReplayMemory
from detectors.intake import Intake, RowBuffer
from detectors.windows import BLOCK_MIN

_NEVER: Final = -(1 << 60)


class Tick(NamedTuple):
    """An admitted minute and the rows [first_row, end_row) that it pushed (none: it was missing).

    At a `decision`, the first valid minute of a five-minute block, the guards speak: `replayed` is the share of the last
    hour that the device sent before, `pulse_median_bpm` how far heart rate and pulse lie apart (None: not known).
    """

    event_minute: int
    first_row: int
    end_row: int
    decision: bool
    replayed: float
    pulse_median_bpm: float | None

    @property
    def valid(self) -> bool:
        """Whether the minute has both vital signs."""
        return self.end_row > self.first_row


class MinuteStream:
    """What is remembered of a device's minutes: the intake, the replay memory and the distance to its pulse."""

    __slots__ = ("_block", "_pulse", "_replay", "intake")

    def __init__(self, applied_through: int, seen_mask: int) -> None:
        self.intake = Intake(applied_through, seen_mask)
        self._replay = ReplayMemory()
        self._pulse = PulseGap()
        self._block = _NEVER

    def push(
        self, event_minute: int, heart_rate_bpm: float | None, resp_rate_bpm: float | None, pulse_bpm: float | None,
        rows: RowBuffer,
    ) -> Tick:  # fmt: skip
        """Append the rows that an admitted minute pushes and return it as a tick."""
        first_row = len(rows)
        if not self.intake.push(event_minute, heart_rate_bpm, resp_rate_bpm, rows):
            return Tick(event_minute, first_row, first_row, False, 0.0, None)
        assert heart_rate_bpm is not None
        assert resp_rate_bpm is not None
        self._replay.push(event_minute, heart_rate_bpm, resp_rate_bpm)
        if pulse_bpm is not None and pulse_bpm > 0:
            self._pulse.push(event_minute, heart_rate_bpm, pulse_bpm)
        block = event_minute // BLOCK_MIN
        if block == self._block:
            return Tick(event_minute, first_row, len(rows), False, 0.0, None)
        self._block = block
        replayed, apart_bpm = self._replay.share(event_minute), self._pulse.median_bpm(event_minute)
        return Tick(event_minute, first_row, len(rows), True, replayed, apart_bpm)
