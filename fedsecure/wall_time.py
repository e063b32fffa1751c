"""Wall time as tables show it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_text(at: float) -> str:
    """Return epoch seconds as date and time in UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
