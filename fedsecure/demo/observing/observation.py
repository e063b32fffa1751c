"""What one run showed from outside, as one record that can be saved, judged and drawn again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from contracts.identifiers import shown_as
from contracts.messages.federation import FlEvent, RoundRecord
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceState, DeviceStatus


class DeviceTrace(msgspec.Struct, kw_only=True):
    """One device, minute by minute: event minute -> values. Vitals as sent, verdicts as published."""

    device_id: str
    vitals: dict[int, tuple[float | None, float | None]] = {}
    verdicts: dict[int, tuple[float | None, float | None, bool, DeviceState]] = {}
    status: DeviceStatus | None = None

    @property
    def name(self) -> str:
        """The device as people are told of it."""
        return shown_as(self.device_id, None if self.status is None else self.status.label)


class StateSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A device's status that differs in state from the one before it.

    `at` is the wall time (epoch seconds) of the status record, which a worker sends right after Redis has taken it;
    `event_minute` is when the state began.
    """

    device_id: str
    state: DeviceState
    at: float
    event_minute: int
    reason: str


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """A vitals message: its last event minute and the sender's clock (epoch seconds)."""

    device_id: str
    last_event_minute: int
    sent_at: float


class AppliedStatus(msgspec.Struct, frozen=True, array_like=True):
    """A status record: what it had applied, and when it was published (epoch seconds)."""

    device_id: str
    applied_through: int
    at: float


class Observation(msgspec.Struct, kw_only=True):
    """Everything the report needs. Wall times are epoch seconds. `rounds` holds the latest record of each round.

    `planned_minutes`: what the replay was told to send of every planned device.
    """

    started_at: float
    streaming_at: float | None = None
    ended_at: float | None = None
    speed: float = 0.0
    planned_devices: list[str] = []
    planned_minutes: int = 0
    devices: dict[str, DeviceTrace] = {}
    truth: list[TruthInterval] = []
    states: list[StateSeen] = []
    rounds: dict[int, RoundRecord] = {}
    events: list[FlEvent] = []
    sent: list[Sent] = []
    applied_statuses: list[AppliedStatus] = []
    applied: list[tuple[float, int]] = []
    dead_letters: dict[str, int] = {}
    peak_rss_bytes: dict[str, int] = {}
    services: dict[str, dict[str, Any]] = {}

    @property
    def attacked(self) -> set[str]:
        """Devices that the ground truth names."""
        return {interval.device_id for interval in self.truth}

    def onset_of(self, device_id: str) -> int | None:
        """Return the event minute of a device's first attack, None for a clean device."""
        return min((t.first_event_minute for t in self.truth if t.device_id == device_id), default=None)


def encode_observation(observation: Observation) -> bytes:
    """Return the observation as JSON."""
    return msgspec.json.encode(observation)


def decode_observation(value: bytes) -> Observation:
    """Return a saved observation. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(value, type=Observation)


def latency_samples_s(sent: Sequence[Sent], statuses: Sequence[AppliedStatus]) -> list[float]:
    """Return one latency (seconds, >= 0) for each message whose last minute a status has applied.

    From the sender's clock to the status in Redis. A worker publishes the status record right after Redis has taken the
    status, so the record's timestamp bounds the true latency from above by that one send.
    """
    samples: list[float] = []
    for device_id in sorted({message.device_id for message in sent}):
        own = [status for status in statuses if status.device_id == device_id]
        # applied_through never falls in effect; a re-published older status must not break the search.
        through = list(accumulate((status.applied_through for status in own), max))
        for message in sent:
            if message.device_id != device_id:
                continue
            index = bisect_left(through, message.last_event_minute)
            if index < len(own):
                samples.append(max(0.0, own[index].at - message.sent_at))
    return samples


def percentile(samples: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile (`share` in 0..1), None without samples."""
    if not samples:
        return None
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
