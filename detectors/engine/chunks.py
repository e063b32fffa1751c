"""What goes into the engine and what comes out of it: consecutive minutes of a device, and the verdicts on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, NamedTuple

import msgspec
import numpy as np

from contracts.messages.verdicts import DeviceSnapshot, DeviceState
from contracts.messages.vitals import VitalsBatch
from detectors.array_types import Bools, Floats, Floats32, Ints

NO_SESSION: Final = -1
FRESH: Final = DeviceSnapshot(
    session_id=NO_SESSION,
    applied_through=0,
    standing=DeviceState.ENROLLING,
    state=DeviceState.ENROLLING,
    state_since=0,
)

Channel = Sequence[float | None] | Floats


def plain(channel: Channel) -> Sequence[float | None]:
    """Return a channel as plain Python numbers, which the minute-by-minute code is fastest with."""
    if isinstance(channel, np.ndarray):
        values: list[float | None] = channel.tolist()
        return values
    return channel


class MinuteChunk(msgspec.Struct, frozen=True, eq=False):
    """Consecutive minutes of one device. None, NaN and zero mean missing. Heart rate and pulse in bpm, breaths/min.

    May be of any length; one without minutes can announce the end of a recording, open a session, or (`re_enrol`) tell
    that the device's enrolment is void and begins anew.
    """

    device_id: str
    session_id: int
    first_event_minute: int
    heart_rate_bpm: Channel
    resp_rate_bpm: Channel
    pulse_bpm: Channel | None = None
    end_of_recording: bool = False
    re_enrol: bool = False


def chunk_of(batch: VitalsBatch) -> MinuteChunk:
    """Return a message as the engine takes it."""
    return MinuteChunk(
        device_id=batch.device_id,
        session_id=batch.session_id,
        first_event_minute=batch.first_event_minute,
        heart_rate_bpm=batch.heart_rate_bpm,
        resp_rate_bpm=batch.resp_rate_bpm,
        pulse_bpm=batch.pulse_bpm,
        end_of_recording=batch.end_of_recording,
        re_enrol=batch.re_enrol,
    )


def minutes_of(chunk: MinuteChunk) -> Iterator[tuple[float | None, float | None, float | None]]:
    """Yield (heart rate, respiratory rate, pulse) of every minute, None, NaN or zero = missing."""
    heart, breath = plain(chunk.heart_rate_bpm), plain(chunk.resp_rate_bpm)
    pulse = repeat(None, len(heart)) if chunk.pulse_bpm is None else plain(chunk.pulse_bpm)
    return zip(heart, breath, pulse, strict=True)


def piece_of(chunk: MinuteChunk, start: int, minutes: int) -> MinuteChunk:
    """Return so many minutes of a chunk from its `start`-th on, fewer at its end. What it announced is left out."""
    part, pulse = slice(start, start + minutes), chunk.pulse_bpm
    return MinuteChunk(
        chunk.device_id,
        chunk.session_id,
        chunk.first_event_minute + start,
        chunk.heart_rate_bpm[part],
        chunk.resp_rate_bpm[part],
        None if pulse is None else pulse[part],
    )


class Transition(NamedTuple):
    """A change of the published state, and why, in words for people."""

    event_minute: int
    before: DeviceState
    after: DeviceState
    reason: str


class Verdicts(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The verdicts on one chunk. Arrays of n applied minutes (dropped minutes have no line), then the device after it.

    A decision falls every 15 valid minutes of an enrolled device. `event_minute` int64; `reconstruction_error` (mean square of
    the network's normal scores) and `score` (on the rule's scale, higher is more anomalous) float32, NaN where no decision
    falls; `scores` the same by kind; `threshold` float32, the limit in force at that minute; `flagged` bool; `state` a list.
    `dropped` counts minutes by `duplicate`, `late` or `old_session`; `session_opened` says that the chunk began a new session,
    so that all before it is forgotten. `windows` counts decisions. `latest_score` and `latest_threshold` are those of the last
    decision in the chunk (None: none fell); `flagged_share` is the share of the last four decisions that were over the
    threshold; `enrolled`, `enrolment_share` (0..1), `reason` describe the device after the chunk.
    """

    device_id: str
    session_id: int
    event_minute: Ints
    reconstruction_error: Floats32
    score: Floats32
    scores: Mapping[str, Floats32]
    threshold: Floats32
    flagged: Bools
    state: list[DeviceState]
    transitions: list[Transition]
    dropped: dict[str, int]
    session_opened: bool
    windows: int
    flagged_windows: int
    latest_score: float | None
    latest_threshold: float | None
    latest_flagged: bool
    flagged_share: float
    enrolled: bool
    enrolment_share: float
    reason: str

    def __len__(self) -> int:
        return len(self.event_minute)

    @property
    def minutes(self) -> int:
        """Number of minutes applied."""
        return len(self.event_minute)
