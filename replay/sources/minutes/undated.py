"""The time that recordings without dates are given: they say only how long after their start a value was taken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from replay.sources.tables.cells import number
from replay.sources.tables.times import checked_seconds

UNDATED_START: Final = to_event_minute(datetime(2100, 1, 1, tzinfo=UTC))


def undated_seconds(where: str, text: str) -> float:
    """Return seconds since 1970 of a cell with seconds since the start. Raises Misconfigured for anything but a number from 0 on."""
    try:
        seconds = number(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise Misconfigured(f"{where}: {text!r} is not a number of seconds from 0 on")
    return checked_seconds(where, 60 * UNDATED_START + seconds, text)
