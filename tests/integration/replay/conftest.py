"""What the replay's tests share: recordings to send, and what of them arrived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition
from numpy.typing import NDArray

from contracts.configuration.settings import Settings
from contracts.messages.vitals import VitalsBatch, decode_vitals
from replay.recording import Recording
from transport.kafka.options import kafka_python_options

START = 92_000_000  # the year 2144, as MIMIC shifts its patients


class MakeRecording(Protocol):
    def __call__(self, device_id: str, minutes: int = 100, start: int = START, seed: int = 0) -> Recording: ...


@pytest.fixture(scope="session")
def a_recording() -> MakeRecording:
    """Noise with gaps, reproducible."""

    def make(device_id: str, minutes: int = 100, start: int = START, seed: int = 0) -> Recording:
        generator = np.random.default_rng([seed, minutes])
        heart = np.round(generator.normal(80.0, 5.0, minutes), 1)
        heart[:: max(minutes // 5, 1)] = np.nan
        return Recording(device_id, start, heart, np.round(heart / 4, 1), np.round(heart + 1, 1))

    return make


@dataclass(frozen=True)
class Arrivals:
    """What Kafka holds under these settings now."""

    settings: Settings

    def under(self, settings: Settings) -> Arrivals:
        return replace(self, settings=settings)

    def records(self, topic: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of everything in a topic."""
        consumer = KafkaConsumer(**kafka_python_options(self.settings), enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            while any(consumer.position(at) < end for at, end in ends.items()):
                for records in consumer.poll(timeout_ms=200).values():
                    yield from ((record.key, record.value) for record in records)
        finally:
            consumer.close()

    def batches(self, device_id: str) -> list[VitalsBatch]:
        topics = self.settings.topics
        topic = topics.vitals_shared if self.settings.topic_layout == "shared" else topics.vitals(device_id)
        mine = (value for key, value in self.records(topic) if key == device_id.encode())
        return [decode_vitals(value, expected_device_id=device_id) for value in mine]

    def applied(self, device_id: str) -> tuple[list[int], Mapping[str, NDArray[np.float64]]]:
        """Return minutes and channels as a worker takes them: what is not after the last minute is dropped."""
        minutes: list[int] = []
        values: dict[str, list[float | None]] = {"heart_rate_bpm": [], "resp_rate_bpm": [], "pulse_bpm": []}
        for batch in self.batches(device_id):
            for index in range(len(batch)):
                if minutes and batch.first_event_minute + index <= minutes[-1]:
                    continue
                minutes.append(batch.first_event_minute + index)
                for name, channel in values.items():
                    channel.append((getattr(batch, name) or [])[index])
        return minutes, {name: np.array(channel, dtype=np.float64) for name, channel in values.items()}

    def assert_are(self, sent: Recording) -> None:
        """Every minute of the recording arrived, in order, as it was."""
        minutes, values = self.applied(sent.device_id)
        assert minutes == list(range(sent.first_event_minute, sent.end_event_minute))
        for name, channel in sent.channels().items():
            np.testing.assert_array_equal(values[name], channel)


@pytest.fixture
def arrivals(settings: Settings) -> Arrivals:
    return Arrivals(settings)
