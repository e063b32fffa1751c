"""The one door for times, dated or not: whatever the wire or `datetime` cannot carry is refused here, with a reason."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo
from typing import Final

from contracts.errors import Misconfigured
from contracts.event_time import EPOCH, OBSERVED_SAID, can_be_observed, to_event_minute
from replay.sources.tables.cells import number

UNDATED_START: Final = to_event_minute(datetime(2100, 1, 1, tzinfo=UTC))
"""The event minute at which recordings without dates begin: they say only how long after their start a value was taken."""
FIRST_DATED_S: Final = 1e8
"""Fewer seconds than these (1973) are counted from the recording's start, not from 1970, where a format writes either."""
_DATE_ALONE: Final = re.compile(r"\d{4}-?(\d{2}-?\d{2}|W\d{2}(-?\d)?)")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})[ T](\d{1,2}:\d{2}:\d{2}(?:\.\d{1,6})?)")
_NAMED_UTC: Final = re.compile(r"\s*(UTC|GMT)$", re.IGNORECASE)


def parsed_time(where: str, text: str, zone: tzinfo | None = None) -> float:
    """Return seconds since 1970-01-01T00:00Z of an ISO 8601 time, `UTC` or an offset behind it allowed.

    `zone` is that of a time without one; None refuses it. Raises Misconfigured, naming `where` (file, line and column),
    for what is no time of a day, and for one outside what can be carried (see `contracts.event_time`).

    >>> parsed_time("ward.csv, line 2", "1970-01-02T01:00:00+01:00")
    86400.0
    """
    word = text.strip()
    try:
        moment = datetime.fromisoformat(_NAMED_UTC.sub("+00:00", word))
    except ValueError:
        raise Misconfigured(f"{where}: {text!r} is not a time; write it as 2183-04-28T17:47:00Z") from None
    if _DATE_ALONE.fullmatch(word):
        raise Misconfigured(f"{where}: {text!r} is a date without a time of day; write it as 2183-04-28T17:47:00Z")
    if moment.tzinfo is None:
        if zone is None:
            raise Misconfigured(f"{where}: {text!r} has no time zone; UTC is written {word}Z")
        moment = moment.replace(tzinfo=zone)
    return checked_seconds(where, (moment - EPOCH).total_seconds(), text)


def checked_seconds(where: str, seconds: float, text: object) -> float:
    """Return the seconds since 1970 unchanged, or raise Misconfigured for a time that cannot be carried."""
    if not abs(seconds) < 1e12 or not can_be_observed(int(seconds // 60)):
        raise Misconfigured(f"{where}: {text!r} cannot be used; {OBSERVED_SAID}: correct or leave out such rows")
    return seconds


def parsed_in(where: str, text: str, layout: str, said: str) -> float:
    """Return seconds since 1970 of a UTC time written in a `strptime` layout, which `said` shows to people.

    >>> parsed_in("ward.csv, line 2", "02/01/1970", "%d/%m/%Y", "28/04/2183")
    86400.0
    """
    try:
        moment = datetime.strptime(text.strip(), layout).replace(tzinfo=UTC)
    except ValueError:
        raise Misconfigured(f"{where}: {text!r} is not a time; write it as {said}") from None
    return checked_seconds(where, (moment - EPOCH).total_seconds(), text)


def parsed_local(where: str, text: str) -> float:
    """Return seconds since 1970 of a monitor's own clock: day, month, year and time, or ISO 8601, UTC without a zone.

    >>> parsed_local("ward.csv, line 2", "02.01.1970 00:01:00")
    86460.0
    """
    if not (parts := _DAY_FIRST.fullmatch(text.strip())):
        return parsed_time(where, text, UTC)
    day, month, year, clock = parts.groups()
    said = "28/04/2183 17:47:00 (day first)"
    return parsed_in(where, f"{day}/{month}/{year} {clock}", "%d/%m/%Y %H:%M:%S" + ".%f" * ("." in clock), said)


def undated_seconds(
    where: str,
    text: str,
    *,
    ticks_per_s: int = 1,
    dated_from_s: float = math.inf,
    said: str = "a number of seconds from 0 on",
) -> float:
    """Return seconds since 1970 of a cell with the time since the start, or since 1970 where that is `dated_from_s` or more.

    Raises Misconfigured for anything but a number from 0 on.
    """
    try:
        seconds = number(text) / ticks_per_s
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise Misconfigured(f"{where}: {text!r} is not {said}")
    return checked_seconds(where, seconds if seconds >= dated_from_s else 60 * UNDATED_START + seconds, text)
