"""A record of a vitals topic and the device it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.structs import ConsumerRecord

from contracts.configuration.parts import ServiceSettings
from contracts.identifiers import is_device_id
from contracts.topics import Topics
from transport.kafka.offsets import TopicPartition

PART_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class VitalsRecord:
    """One record. `received_at` is the broker's timestamp (epoch seconds), `value` None for a tombstone."""

    device_id: str
    partition: TopicPartition
    offset: int
    received_at: float
    value: bytes | None


class DeviceNames:
    """Tells whose a record is: by its topic, or by its key where all share one topic."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.topics: Topics = settings.topics
        self.shared = settings.topic_layout == "shared"

    def is_vitals(self, topic: str) -> bool:
        """Return whether devices send to this topic."""
        return topic == self.topics.vitals_shared if self.shared else topic.startswith(self.topics.vitals_prefix)

    def device_of(self, topic: str, key: bytes | None) -> str:
        """Return the device id. A shared record whose key is no device id belongs to nobody (empty)."""
        if not self.shared:
            return self.topics.device_of_vitals(topic) or ""
        name = (key or b"").decode("ascii", "replace")
        return name if is_device_id(name) else ""

    def record(self, message: ConsumerRecord) -> VitalsRecord:
        """Return a record that aiokafka fetched."""
        partition = TopicPartition(message.topic, message.partition)
        device_id = self.device_of(message.topic, message.key)
        return VitalsRecord(device_id, partition, message.offset, message.timestamp / 1000, message.value)


def parts(records: Sequence[VitalsRecord]) -> Iterator[Sequence[VitalsRecord]]:
    """Yield a batch cut so that a part takes about a second at most: a stop need not wait longer."""
    part: list[VitalsRecord] = []
    size = 0
    for record in records:
        part.append(record)
        size += len(record.value or b"")
        if size >= PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
