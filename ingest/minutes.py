"""Makes minutes of one device's readings: the mean of what was valid, a minute given out once and in order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from contracts.messages.ingest import CHANNEL_NAMES, ChannelName, Reading
from contracts.messages.vitals import MAX_MINUTES_PER_BATCH

MINUTE_S: Final = 60.0
MEAN_GRID_BPM: Final = 0.1  # the grid on which monitors write their own averages
SWITCH_AFTER_MIN: Final = 5
"""A source that has been silent for more minutes than this gives way to the next one."""
FILLED_GAP_MIN: Final = 60
"""Minutes that never came are sent as missing up to here; a longer gap is left as one."""
MOST_READINGS_A_MINUTE: Final = 6000

Taken = Literal["new", "repeated", "late"]


class Minute(NamedTuple):
    """One minute of a device, None = missing (bpm, breaths/min, bpm)."""

    event_minute: int
    heart_rate_bpm: float | None
    resp_rate_bpm: float | None
    pulse_bpm: float | None


@dataclass(slots=True)
class _Open:
    first_offset: int
    count: int = 0
    values: dict[tuple[ChannelName, int], dict[float, float | None]] = field(default_factory=dict)


class DeviceMinutes:
    """The open minutes of one device.

    A minute closes when a reading comes that is `grace_s` past its end (event time), or when nothing new has come for
    `silence_s` (the caller's clock). What it gives out depends on the order of the readings, never on how fast they
    come, unless the device falls silent. `sent_through` is the last minute that was sent, None for none.
    """

    def __init__(self, *, grace_s: float, silence_s: float, sent_through: int | None = None) -> None:
        self._grace_s = grace_s
        self._silence_s = silence_s
        self.sent_through = self._closed_through = sent_through
        self._open: dict[int, _Open] = {}
        self._newest_s = -math.inf
        self._heard_at = 0.0
        self._sources: dict[ChannelName, int] = {}
        self._source_seen: dict[ChannelName, int] = {}

    @property
    def first_offset(self) -> int | None:
        """The journal's offset of the first record that an open minute is made of, None when none is open."""
        return min((opened.first_offset for opened in self._open.values()), default=None)

    @property
    def sources(self) -> dict[ChannelName, int]:
        """Which source of each channel the minutes are made of."""
        return dict(self._sources)

    def keep_to(self, sources: dict[ChannelName, int]) -> None:
        """Go on with these sources, which an earlier run had chosen."""
        self._sources = {**sources, **self._sources}

    def take(self, reading: Reading, offset: int, now_s: float) -> Taken:
        """Add a reading. One of a minute that is closed is late, and one known by channel, source and time is dropped."""
        minute = int(reading.observed_at // MINUTE_S)
        if self._closed_through is not None and minute <= self._closed_through:
            return "late"
        opened = self._open.setdefault(minute, _Open(offset))
        values = opened.values.setdefault((reading.channel, reading.source), {})
        if reading.observed_at in values or opened.count >= MOST_READINGS_A_MINUTE:
            return "repeated"
        values[reading.observed_at] = reading.value
        opened.count += 1
        self._newest_s = max(self._newest_s, reading.observed_at)
        self._heard_at = now_s
        return "new"

    def close_passed(self) -> list[Minute]:
        """Return the minutes that a reading has passed by the grace, oldest first."""
        return self._close(minute for minute in self._open if self._newest_s >= (minute + 1) * MINUTE_S + self._grace_s)

    def close_silent(self, now_s: float) -> list[Minute]:
        """Return all open minutes once nothing new has come for long enough."""
        return self._close(self._open) if now_s - self._heard_at >= self._silence_s else []

    def _close(self, minutes: Iterable[int]) -> list[Minute]:
        closed = []
        for minute in sorted(minutes):
            opened = self._open.pop(minute)
            closed.append(Minute(minute, *(self._value(channel, minute, opened) for channel in CHANNEL_NAMES)))
            self._closed_through = minute
        return closed

    def _value(self, channel: ChannelName, minute: int, opened: _Open) -> float | None:
        valid = {
            source: present
            for (name, source), values in opened.values.items()
            if name == channel and (present := [value for value in values.values() if value is not None])
        }
        chosen = self._sources.get(channel)
        if chosen is None or chosen not in valid:
            silent_min = minute - self._source_seen.setdefault(channel, minute - 1)
            if not valid or (chosen is not None and silent_min <= SWITCH_AFTER_MIN):
                return None
            chosen = min(valid)
        self._sources[channel] = chosen
        self._source_seen[channel] = minute
        return mean_bpm(valid[chosen])


def mean_bpm(values: list[float]) -> float:
    """Return the mean on a grid of tenths, the same in whatever order the values came. One value stays as it is.

    >>> mean_bpm([80.25]), mean_bpm([80.0, 81.0, 81.0])
    (80.25, 80.7)
    """
    if len(values) == 1:
        return values[0]
    return round(round(math.fsum(values) / len(values) / MEAN_GRID_BPM) * MEAN_GRID_BPM, 6)


def stretches(minutes: Iterable[Minute], sent_through: int | None) -> Iterator[list[Minute]]:
    """Yield runs of consecutive minutes, each for one message. A short gap, also to what was sent, is filled as missing."""
    run: list[Minute] = []
    last = sent_through
    for minute in minutes:
        gap = 0 if last is None else minute.event_minute - last - 1
        missing = range(minute.event_minute - gap, minute.event_minute) if gap <= FILLED_GAP_MIN else ()
        if run and (gap > FILLED_GAP_MIN or len(run) + gap + 1 > MAX_MINUTES_PER_BATCH):
            yield run
            run = []
        run += [Minute(at, None, None, None) for at in missing]
        run.append(minute)
        last = minute.event_minute
    if run:
        yield run
