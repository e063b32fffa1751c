"""Decodes the records of the topics that show a whole installation: scores, states, rounds, events and ground truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from contracts.errors import InvalidMessage
from contracts.messages.federation import FlEvent, RoundRecord, decode_federation
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceStatus, ScoreBatch, decode_scores, decode_status
from contracts.topics import Topics
from transport.kafka.topic_reader import Start

Headers = Sequence[tuple[str, bytes]]
TruthKey = tuple[str, int, str, int]


class TopicView(ABC):
    """Takes records one by one. What cannot be read is counted in `unreadable`, never raised. Knows no client.

    A status of an owner that has lost its device (a lower epoch and minute) is left out.
    """

    def __init__(self, topics: Topics) -> None:
        self.unreadable: Counter[str] = Counter()
        self._topics = topics
        self._highest: dict[str, tuple[int, int]] = {}
        self._decoders: dict[str, Callable[[bytes, float], None]] = {
            topics.scores: lambda value, at: self._scores(decode_scores(value), at),
            topics.device_status: self._decode_status,
            topics.truth: lambda value, _: self._truth(msgspec.json.decode(value, type=TruthInterval)),
            topics.fl_rounds: lambda value, _: self._round(decode_federation(RoundRecord, value)),
            topics.fl_events: lambda value, _: self._event(decode_federation(FlEvent, value)),
        }

    @abstractmethod
    def starts(self, topics: Collection[str]) -> Mapping[str, Start]:
        """Return which of the topics that are there to read, and from where."""

    def take(self, topic: str, value: bytes | None, at: float, headers: Headers = ()) -> None:
        """Take one record with its timestamp (epoch seconds)."""
        del headers
        if value is None:
            return
        try:
            self._decode(topic, value, at)
        except (InvalidMessage, msgspec.DecodeError):
            self.unreadable[topic] += 1

    def _decode(self, topic: str, value: bytes, at: float) -> None:
        self._decoders[topic](value, at)

    def _decode_status(self, value: bytes, at: float) -> None:
        status = decode_status(value)
        pair = (status.epoch, status.applied_through)
        if pair < self._highest.get(status.device_id, pair):
            return
        self._highest[status.device_id] = pair
        self._status(status, at)

    @abstractmethod
    def _scores(self, batch: ScoreBatch, at: float) -> None: ...

    @abstractmethod
    def _status(self, status: DeviceStatus, at: float) -> None: ...

    @abstractmethod
    def _truth(self, interval: TruthInterval) -> None:
        """Keep an interval of ground truth.

        A replay that goes on sends its truth again, one that was stopped sends a shorter interval: the last of a key counts.
        """

    @abstractmethod
    def _round(self, record: RoundRecord) -> None: ...

    @abstractmethod
    def _event(self, event: FlEvent) -> None: ...


def truth_key(interval: TruthInterval) -> TruthKey:
    """Return what two records of the same attack on the same device have in common."""
    return interval.device_id, interval.session_id, interval.attack, interval.first_event_minute
