"""The devices' vitals topics as their writers need them: made when missing, and read back how far each got."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import KafkaProducer

from contracts.configuration.settings import Settings
from contracts.topics import TopicSpec
from transport.kafka.admin import ensure_topics
from transport.kafka.last_sent import LastSent, read_last_sent
from transport.kafka.producer import LINGER_MS, connect_producer


class VitalsTopics:
    """One topic a device, or the shared one. All calls block and raise Unavailable.

    `once_for_all`: devices come one by one, so that the shared topic is read back once, for all: for each new one it would
    be read to its very beginning. `prepared` are the topics that were made or found.
    """

    def __init__(self, settings: Settings, *, once_for_all: bool = False) -> None:
        self._settings = settings
        self._is_shared = settings.topic_layout == "shared"
        self._once_for_all = once_for_all and self._is_shared
        self._last_sent: dict[str, LastSent] | None = None
        self.prepared: list[TopicSpec] = []

    def of(self, device_id: str) -> str:
        """Return the topic that a device's minutes go to."""
        topics = self._settings.topics
        return topics.vitals_shared if self._is_shared else topics.vitals(device_id)

    def prepare(self, device_ids: Sequence[str], others: Sequence[TopicSpec] = ()) -> dict[str, LastSent]:
        """Make the devices' topics (and `others`) and return how far those got that had minutes."""
        if self._last_sent is not None:
            return self._last_sent
        topics, settings = self._settings.topics, self._settings
        shared = [topics.vitals_shared_spec(settings.shared_partitions)]
        specs = shared if self._is_shared else [topics.vitals_spec(device_id) for device_id in device_ids]
        created = set(ensure_topics(settings, [*specs, *others]))
        known = [device_id for device_id in device_ids if self.of(device_id) not in created]
        last_sent = read_last_sent(settings, None if self._once_for_all else known) if known else {}
        self.prepared += [*specs, *others]
        if self._once_for_all:
            self._last_sent = last_sent
        return last_sent

    def connected(self, *, linger_ms: int = LINGER_MS) -> KafkaProducer:
        """Return a producer that knows what was prepared. A topic that was deleted since is made again."""
        ensure_topics(self._settings, self.prepared)
        return connect_producer(self._settings, [spec.name for spec in self.prepared], linger_ms=linger_ms)
