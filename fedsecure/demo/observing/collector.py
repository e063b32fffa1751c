"""Collects everything that the topics of one run hold into an observation, for the verdict and the report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from threading import Lock

import msgspec

from console.sources.topic_view import Headers, TopicView, truth_key
from contracts.messages.dead_letters import HEADER_REASON
from contracts.messages.federation import FlEvent, RoundRecord
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceStatus, ScoreBatch
from contracts.messages.vitals import decode_vitals
from contracts.topics import Topics
from fedsecure.demo.observing.observation import AppliedStatus, DeviceTrace, Observation, Sent, StateSeen
from transport.kafka.topic_reader import Start


class Collector(TopicView):
    """Collects under a lock: one thread takes records while another looks at the observation."""

    def __init__(self, topics: Topics, started_at: float) -> None:
        super().__init__(topics)
        self.observation = Observation(started_at=started_at)
        self.lock = Lock()

    def starts(self, topics: Collection[str]) -> Mapping[str, Start]:
        """All from the beginning, vitals topics included as they appear."""
        fixed = {*self._decoders, self._topics.dead_letters}
        return {
            topic: "earliest" for topic in topics if topic in fixed or self._topics.device_of_vitals(topic) is not None
        }

    def take(self, topic: str, value: bytes | None, at: float, headers: Headers = ()) -> None:
        """Take one record with its timestamp (epoch seconds). A dead letter is counted by the reason in its headers."""
        with self.lock:
            if topic == self._topics.dead_letters:
                reason = dict(headers).get(HEADER_REASON, b"unknown").decode()
                self.observation.dead_letters[reason] = self.observation.dead_letters.get(reason, 0) + 1
            else:
                super().take(topic, value, at)

    def _decode(self, topic: str, value: bytes, at: float) -> None:
        device_id = self._topics.device_of_vitals(topic)
        if device_id is not None:
            self._vitals(device_id, value)
        elif topic in self._decoders:
            super()._decode(topic, value, at)

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

    def _scores(self, batch: ScoreBatch, at: float) -> None:
        verdicts = self._device(batch.device_id).verdicts
        rows = zip(batch.score, batch.threshold, batch.flagged, batch.state, strict=True)
        verdicts.update(zip(batch.event_minute, rows, strict=True))
        self.observation.applied.append((at, len(batch.event_minute)))
        if self.observation.streaming_at is None:
            self.observation.streaming_at = at

    def _status(self, status: DeviceStatus, at: float) -> None:
        trace = self._device(status.device_id)
        if trace.status is None or trace.status.state != status.state:
            self.observation.states.append(
                StateSeen(
                    device_id=status.device_id,
                    state=status.state,
                    at=at,
                    event_minute=status.state_since,
                    reason=status.reason,
                )
            )
        trace.status = msgspec.structs.replace(status, snapshot=None)
        self.observation.applied_statuses.append(AppliedStatus(status.device_id, status.applied_through, at))

    def _truth(self, interval: TruthInterval) -> None:
        others = [known for known in self.observation.truth if truth_key(known) != truth_key(interval)]
        self.observation.truth[:] = [*others, interval]

    def _round(self, record: RoundRecord) -> None:
        self.observation.rounds[record.round] = record

    def _event(self, event: FlEvent) -> None:
        self.observation.events.append(event)
