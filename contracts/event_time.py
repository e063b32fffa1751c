"""Event time as whole minutes since 1970-01-01T00:00Z: MIMIC's years 2100-2900 overflow nanosecond timestamps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
LAST_EVENT_MINUTE: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MINUTE
LAST_OBSERVED_MINUTE: Final = LAST_EVENT_MINUTE - 1440  # a message of a day from it on can be written still
OBSERVED_SAID: Final = "event time lies between 1970-01-01 and 9999-12-30"


def to_event_minute(observed_at: datetime) -> int:
    """Return the event minute that holds an aware UTC time (seconds are cut off)."""
    return (observed_at - EPOCH) // MINUTE


def from_event_minute(event_minute: int) -> datetime:
    """Return the start of an event minute as an aware UTC time. Raises OverflowError beyond LAST_EVENT_MINUTE."""
    return EPOCH + event_minute * MINUTE


def can_be_observed(event_minute: int) -> bool:
    """Return whether messages, `datetime` and every reader can carry the minute: see OBSERVED_SAID."""
    return 0 <= event_minute <= LAST_OBSERVED_MINUTE
