"""Where a device stands that was never seen."""

from __future__ import annotations

from typing import Final

from contracts.verdicts import DeviceSnapshot, DeviceState

NO_SESSION: Final = -1
FRESH: Final = DeviceSnapshot(
    session_id=NO_SESSION,
    applied_through=0,
    standing=DeviceState.ENROLLING,
    state=DeviceState.ENROLLING,
    state_since=0,
)
