"""Says what an observation's row is worth: a value or why there is none, and when it was measured."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

from contracts.event_time import LAST_EVENT_MINUTE
from ingest.hl7.message import Header, Row

NO_RESULT: Final = frozenset({"X", "D", "W", "N", "I", "O"})
INVALID_FLAGS: Final = frozenset(
    {"INV", "NAV", "NI", "OFF", "NA", "NAN", "NASK", "NINF", "PINF", "UNK", "ASKU", "MSUX", "OTH", "QS"}
)
TEST_FLAGS: Final = frozenset({"TEST", "DEMO", "CAL"})
KINDS: Final = frozenset({"NM", "ST", ""})
_NUMBER: Final = re.compile(r"[+-]?\d{1,12}(\.\d{0,12})?", re.ASCII)
_PER_MINUTE: Final = re.compile(
    r"""(1|\{[^{}]*\})?/min(\{[^{}]*\})?          # UCUM, with or without what is counted
    |bpm|brpm|rpm|min-1|1/m(in)?|/minute|per\ minute|(beats?|breaths?|pulses?)(/| per )min(ute)?
    |264864|264896|264928|mdc_dim_((beat|puls|resp)_)?per_min(ute)?""",
    re.VERBOSE | re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?\s*(?:([+-])(\d\d):?(\d\d))?", re.ASCII
)
_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)$", re.ASCII)


class Worth(NamedTuple):
    """The value of a row, or None and why: `missing` said by the monitor, `no_result`, `test`, `kind` or `unit`."""

    value: float | None
    outcome: str


def worth_of(row: Row, header: Header, *, keep_test_data: bool) -> Worth:
    """Return what a row says. Whether a patient can have the value is not looked at here."""
    flags = {header.first(flag).upper() for flag in row[8].split(header.repetition)}
    if row[11].upper() in NO_RESULT or flags & INVALID_FLAGS:
        return Worth(None, "no_result")
    if flags & TEST_FLAGS and not keep_test_data:
        return Worth(None, "test")
    if not row[5]:
        return Worth(None, "no_result")
    if row[2].upper() not in KINDS or not _NUMBER.fullmatch(row[5]):
        return Worth(None, "kind")
    units = [part.strip() for part in row[6].split(header.component) if part.strip()]
    if units and not any(_PER_MINUTE.fullmatch(unit) for unit in units):
        return Worth(None, "unit")
    return Worth(float(row[5]), "used")


def read_time(text: str, zone: tzinfo, now_s: float) -> float | None:
    """Return a time as epoch seconds, or None for what is no time to the minute.

    Of the hour that a clock shows twice in autumn, the one nearer to `now_s` is meant.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    *parts, fraction, sign, hours, minutes = match.groups()
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
    match = _ZONE.search(text.strip())
    try:
        return _offset(*match.groups()) if match else otherwise
    except ValueError:
        return otherwise


def _offset(sign: str, hours: str, minutes: str) -> tzinfo:
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)
