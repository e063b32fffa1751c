"""Cleans a stream minute by minute: what `minutes.cleaning` does to a whole series, equal to it."""

from __future__ import annotations

from detectors.minutes.cleaning import CHANNELS, HIGHEST, LOWEST, MAX_GAP_MIN

_HEART_LOW, _RESP_LOW = LOWEST
_HEART_HIGH, _RESP_HIGH = HIGHEST


class HeldMinute:
    """A minute that waits for a gap to close. `values` None = missing, `known` tells measured from filled."""

    __slots__ = ("cut", "event_minute", "known", "values")

    def __init__(self, event_minute: int, heart: float | None, breath: float | None) -> None:
        self.event_minute = event_minute
        self.values: list[float | None] = [heart, breath]
        self.known = (heart is not None, breath is not None)
        self.cut = [False, False]

    @property
    def settled(self) -> bool:
        """Whether each channel is measured, filled or cut."""
        return all(value is not None or cut for value, cut in zip(self.values, self.cut, strict=True))


Row = tuple[int, float, float, bool, bool]
"""A valid minute: event minute, heart rate (bpm), respiratory rate (/min), and which of them were measured."""


class GapFiller:
    """Takes raw minutes in rising order and gives valid ones out, each as soon as its gaps are closed."""

    __slots__ = ("_held", "_last", "_last_minute")

    def __init__(self) -> None:
        self._held: list[HeldMinute] = []
        self._last: list[float | None] = [None] * CHANNELS  # the value before the first held minute
        self._last_minute: int | None = None

    def push(self, event_minute: int, heart: float | None, breath: float | None) -> list[Row]:
        """Return the valid minutes that this one settles, oldest first (often itself alone)."""
        if heart is None or not _HEART_LOW <= heart <= _HEART_HIGH:
            heart = None
        if breath is None or not _RESP_LOW <= breath <= _RESP_HIGH:
            breath = None
        before, self._last_minute = self._last_minute, event_minute
        if (
            heart is not None
            and breath is not None
            and not self._held
            and (before is None or event_minute == before + 1)
        ):
            self._last = [heart, breath]
            return [(event_minute, heart, breath, True, True)]
        if before is not None:
            self._hold_missing(before, event_minute)
        self._held.append(HeldMinute(event_minute, heart, breath))
        for channel in range(CHANNELS):
            self._settle(channel)
        return self._release()

    def _hold_missing(self, before: int, event_minute: int) -> None:
        """Hold the minutes that never came. Of a gap that is too long to fill, only enough to show that it is."""
        first = max(before + 1, event_minute - MAX_GAP_MIN - 1)
        self._held += [HeldMinute(minute, None, None) for minute in range(first, event_minute)]

    def _settle(self, channel: int) -> None:
        """Close the gaps of one channel among the held minutes, and cut those that are too long."""
        gap: list[HeldMinute] = []
        start = self._last[channel]
        for held in self._held:
            value = held.values[channel]
            if value is None:
                gap.append(held)
                continue
            if start is None or len(gap) > MAX_GAP_MIN:
                _cut(gap, channel)
            else:
                for step, missing in enumerate(gap, 1):
                    missing.values[channel] = start + (value - start) * (step / (len(gap) + 1))
            gap, start = [], value
        if start is None or len(gap) > MAX_GAP_MIN:
            _cut(gap, channel)

    def _release(self) -> list[Row]:
        rows: list[Row] = []
        done = 0
        for held in self._held:
            if not held.settled:
                break
            done += 1
            self._last = list(held.values)
            if not any(held.cut):
                heart, breath = held.values
                assert heart is not None
                assert breath is not None
                rows.append((held.event_minute, heart, breath, *held.known))
        del self._held[:done]
        return rows


def _cut(gap: list[HeldMinute], channel: int) -> None:
    for held in gap:
        held.cut[channel] = True
