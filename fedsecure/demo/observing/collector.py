"""Turns the records of every topic into an observation; knows no client, so a test feeds it by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

import msgspec

from contracts.dead_letters import HEADER_REASON
from contracts.errors import InvalidMessage
from contracts.federation import FlEvent, RoundRecord, decode_federation
from contracts.topics import Topics
from contracts.truth import TruthInterval
from contracts.verdicts import decode_scores, decode_status
from contracts.vitals import decode_vitals
from fedsecure.demo.observing.observation import AppliedStatus, DeviceTrace, Observation, Sent, StateSeen

Headers = Sequence[tuple[str, bytes]]


class Collector:
    """Collects under a lock: one thread takes records while another looks at the observation."""

    def __init__(self, topics: Topics, started_at: float) -> None:
        self.observation = Observation(started_at=started_at)
        self.unreadable: Counter[str] = Counter()
        self.lock = Lock()
        self._topics = topics
        self._highest: dict[str, tuple[int, int]] = {}
        self._takers: dict[str, Callable[[bytes, float], None]] = {
            topics.scores: self._scores,
            topics.device_status: self._status,
            topics.truth: self._truth,
            topics.fl_rounds: self._round,
            topics.fl_events: self._event,
        }

    @property
    def fixed_topics(self) -> tuple[str, ...]:
        """The topics to read from the start; vitals topics come as devices appear."""
        return (*self._takers, self._topics.dead_letters)

    def take(self, topic: str, value: bytes | None, at: float, headers: Headers = ()) -> None:
        """Take one record; `at` is its timestamp (epoch seconds). What cannot be read is counted, never raised."""
        with self.lock:
            if topic == self._topics.dead_letters:
                reason = dict(headers).get(HEADER_REASON, b"unknown").decode()
                self.observation.dead_letters[reason] = self.observation.dead_letters.get(reason, 0) + 1
                return
            if value is None:
                return
            try:
                self._take(topic, value, at)
            except (InvalidMessage, msgspec.DecodeError):
                self.unreadable[topic] += 1

    def _take(self, topic: str, value: bytes, at: float) -> None:
        device_id = self._topics.device_of_vitals(topic)
        if device_id is not None:
            self._vitals(device_id, value)
        elif topic in self._takers:
            self._takers[topic](value, at)

    def _device(self, device_id: str) -> DeviceTrace:
        return self.observation.devices.setdefault(device_id, DeviceTrace(device_id=device_id))

    def _vitals(self, device_id: str, value: bytes) -> None:
        batch = decode_vitals(value, expected_device_id=device_id)
        trace = self._device(device_id)
        first = batch.first_event_minute
        for step, pair in enumerate(zip(batch.heart_rate_bpm, batch.resp_rate_bpm, strict=True)):
            trace.vitals[first + step] = pair
        if len(batch):
            self.observation.sent.append(Sent(device_id, first + len(batch) - 1, batch.sent_at))

    def _scores(self, value: bytes, at: float) -> None:
        batch = decode_scores(value)
        verdicts = self._device(batch.device_id).verdicts
        rows = zip(batch.score, batch.threshold, batch.flagged, batch.state, strict=True)
        verdicts.update(zip(batch.event_minute, rows, strict=True))
        self.observation.applied.append((at, len(batch.event_minute)))
        if self.observation.streaming_at is None:
            self.observation.streaming_at = at

    def _status(self, value: bytes, at: float) -> None:
        status = decode_status(value)
        device_id = status.device_id
        pair = (status.epoch, status.applied_through)
        if pair < self._highest.get(device_id, pair):
            return
        self._highest[device_id] = pair
        trace = self._device(device_id)
        if trace.status is None or trace.status.state != status.state:
            self.observation.states.append(
                StateSeen(
                    device_id=device_id,
                    state=status.state,
                    at=at,
                    event_minute=status.state_since,
                    reason=status.reason,
                )
            )
        trace.status = msgspec.structs.replace(status, snapshot=None)
        self.observation.applied_statuses.append(AppliedStatus(device_id, status.applied_through, at))

    def _truth(self, value: bytes, at: float) -> None:
        del at
        told = msgspec.json.decode(value, type=TruthInterval)
        # A replay that goes on tells its truth again: the last telling of an interval counts.
        others = [known for known in self.observation.truth if _interval_key(known) != _interval_key(told)]
        self.observation.truth[:] = [*others, told]

    def _round(self, value: bytes, at: float) -> None:
        del at
        record = decode_federation(RoundRecord, value)
        self.observation.rounds[record.round] = record

    def _event(self, value: bytes, at: float) -> None:
        del at
        self.observation.events.append(decode_federation(FlEvent, value))


def _interval_key(interval: TruthInterval) -> tuple[str, int, str, int]:
    return interval.device_id, interval.session_id, interval.attack, interval.first_event_minute
