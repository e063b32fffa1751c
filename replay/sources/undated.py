"""The time that recordings without dates are given: they say only how long after their start a value was taken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from contracts.event_time import to_event_minute

UNDATED_START: Final = to_event_minute(datetime(2100, 1, 1, tzinfo=UTC))
