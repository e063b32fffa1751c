"""Event time as whole minutes since 1970-01-01T00:00Z: MIMIC's years 2100-2900 overflow nanosecond timestamps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LAST_EVENT_MINUTE = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MINUTE


def to_event_minute(observed_at: datetime) -> int:
    """Return the event minute that holds an aware UTC time (seconds are cut off)."""
    return (observed_at - EPOCH) // MINUTE


def from_event_minute(event_minute: int) -> datetime:
    """Return the start of an event minute as an aware UTC time."""
    return EPOCH + event_minute * MINUTE
