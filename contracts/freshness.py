"""How old a status may be before its reader calls it stale: wall time only, judged by the reader."""

from __future__ import annotations

from typing import Final

from contracts.messages.verdicts import DeviceStatus

STALE_FLOOR_S: Final = 30.0
STALE_INTERVALS: Final = 5.0
FUTURE_TOLERANCE_S: Final = 5.0


def stale_after_s(batch_interval_s: float, cap_s: float) -> float:
    """Return the age (wall seconds) at which a device that sends every `batch_interval_s` is stale."""
    return min(max(STALE_FLOOR_S, STALE_INTERVALS * batch_interval_s), cap_s)


def not_eligible_because(status: DeviceStatus | None, now: float, cap_s: float) -> str | None:
    """Return why a device may not train now, or None: the one gate rule, fail closed.

    `now` is wall time (epoch seconds), `cap_s` the longest silence any device is allowed.
    """
    if status is None:
        return "unknown"
    if status.state != "benign":
        return str(status.state)
    if not status.enrolled:
        return "not_enrolled"
    if status.finished:
        return "finished"
    if status.received_at - now > FUTURE_TOLERANCE_S:
        return "from_the_future"
    if now - status.received_at > stale_after_s(status.batch_interval_s, cap_s):
        return "stale"
    return None
