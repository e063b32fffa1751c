"""Reads HL7 times, `20210425230331.496-0400`, with the zone of the site where they name none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from contracts.event_time import LAST_EVENT_MINUTE

_TIME: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?\s*(?:([+-])(\d\d):?(\d\d))?", re.ASCII
)
_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)$", re.ASCII)


def read_time(text: str, zone: tzinfo, now_s: float) -> float | None:
    """Return a time as epoch seconds, or None for what is no time to the minute.

    Of the hour that a clock shows twice in autumn, the one nearer to `now_s` is meant.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    *parts, fraction, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    micros = int((fraction or "")[:6].ljust(6, "0"))
    try:
        own = zone if sign is None else _offset(sign, hours, minutes)
        local = datetime(year, month, day, hour, minute, second, micros, tzinfo=own)
        times = [local.replace(fold=fold).astimezone(UTC).timestamp() for fold in (0, 1)]
    except (ValueError, OverflowError):
        return None
    at_s = min(times, key=lambda each: abs(each - now_s))
    return at_s if 0 <= at_s < LAST_EVENT_MINUTE * 60 else None


def zone_of(text: str, otherwise: tzinfo) -> tzinfo:
    """Return the zone that a time names (the header's is the message's), else the other one."""
    found = _ZONE.search(text.strip())
    try:
        return _offset(*found.groups()) if found else otherwise
    except ValueError:
        return otherwise


def _offset(sign: str, hours: str, minutes: str) -> tzinfo:
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)
