"""Where each device goes on: a replay resumes after the last minute that Kafka holds, or opens a new session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.errors import Misconfigured
from replay.options import ReplayOptions
from replay.recording import Recording
from transport.kafka.last_sent import LastSent


@dataclass(frozen=True, slots=True)
class Session:
    """One device's part of a replay: recording minutes [next_min, end_min) of the slice [slice_first_min, end_min)."""

    device_id: str
    session_id: int
    slice_first_min: int
    next_min: int
    end_min: int

    @property
    def is_complete(self) -> bool:
        """True when every minute of the slice was sent before."""
        return self.next_min >= self.end_min

    @property
    def is_resumed(self) -> bool:
        return self.next_min > self.slice_first_min


def open_sessions(
    recordings: Sequence[Recording], last_sent: Mapping[str, LastSent], options: ReplayOptions, now_ms: int
) -> list[Session]:
    """Return a session for each recording. `now_ms` (wall time) names the sessions that open now.

    Raises Misconfigured when the slice starts after the end of every recording.
    """
    sessions = [_open(recording, last_sent.get(recording.device_id), options, now_ms) for recording in recordings]
    if sessions and all(session.slice_first_min >= session.end_min for session in sessions):
        longest = max(recording.minutes for recording in recordings)
        raise Misconfigured(f"start {options.start_min} is after the end: the longest recording has {longest} minutes")
    return sessions


def _open(recording: Recording, last: LastSent | None, options: ReplayOptions, now_ms: int) -> Session:
    length = recording.minutes
    end = length if options.minutes is None else min(options.start_min + options.minutes, length)
    session_id, next_min = now_ms, options.start_min
    if last is not None and options.fresh:
        # Sessions are ordered by their id: also when this machine's clock went back since.
        session_id = max(now_ms, last.session_id + 1)
    elif last is not None:
        session_id = last.session_id
        next_min = max(next_min, last.event_minute + 1 - recording.first_event_minute)
    return Session(recording.device_id, session_id, options.start_min, next_min, end)
