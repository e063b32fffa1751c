"""What is sent when: merges all devices by event time, packs consecutive minutes, and dates each message.

Every device starts at replay time 0 with its own first minute to be sent, whatever its calendar says: MIMIC shifts each
patient to other years, and a resumed replay finds its devices at different minutes. From there on they run in step.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """The minutes of one device that are still to be sent: recording minutes [first_min, end_min)."""

    device_id: str
    first_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class ScheduledMessage:
    """One message: recording minutes [first_min, end_min) of a device.

    It is due when its last minute is over, as at a monitor: `elapsed_min` recorded minutes after the replay's start.
    `is_last` announces the end of the recording (or of the slice that was asked for).
    """

    elapsed_min: int
    device_id: str
    first_min: int
    end_min: int
    is_last: bool


def scheduled_messages(spans: Iterable[Span], pack_min: int) -> Iterator[ScheduledMessage]:
    """Return every message of every device in the order in which they are due; each minute exactly once."""
    return heapq.merge(*(_of_one_device(span, pack_min) for span in spans), key=_order)


def due_after_s(elapsed_min: int, speed: float | None) -> float:
    """Return the wall time (seconds after the replay's start) at which a message is due; 0 when flat out."""
    return 0.0 if speed is None else elapsed_min * 60.0 / speed


def _order(message: ScheduledMessage) -> tuple[int, str]:
    return message.elapsed_min, message.device_id


def _of_one_device(span: Span, pack_min: int) -> Iterator[ScheduledMessage]:
    for first in range(span.first_min, span.end_min, pack_min):
        end = min(first + pack_min, span.end_min)
        yield ScheduledMessage(end - span.first_min, span.device_id, first, end, is_last=end == span.end_min)
