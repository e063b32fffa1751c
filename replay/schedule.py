"""What is sent when: merges all devices by event time, packs consecutive minutes, and dates each message.

Every device starts at replay time 0 with its own first minute to be sent, whatever its calendar says: MIMIC shifts each
patient to other years, and a resumed replay finds its devices at different minutes. From there on they run in step.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay.sessions import Session


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


def scheduled_messages(sessions: Iterable[Session], pack_min: int) -> Iterator[ScheduledMessage]:
    """Return every message of every device in the order in which they are due, each minute exactly once."""
    messages = (_of_one_device(session, pack_min) for session in sessions)
    return heapq.merge(*messages, key=lambda message: (message.elapsed_min, message.device_id))


def due_after_s(elapsed_min: int, speed: float | None) -> float:
    """Return the wall time (seconds after the replay's start) at which a message is due, 0 when flat out."""
    return 0.0 if speed is None else elapsed_min * 60.0 / speed


def _of_one_device(session: Session, pack_min: int) -> Iterator[ScheduledMessage]:
    for first in range(session.next_min, session.end_min, pack_min):
        end = min(first + pack_min, session.end_min)
        yield ScheduledMessage(end - session.next_min, session.device_id, first, end, is_last=end == session.end_min)
