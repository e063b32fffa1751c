"""What the topics of an installation hold: scores, statuses and dead letters, as far as they reach now."""

from __future__ import annotations

from dataclasses import dataclass, field

from kafka import KafkaConsumer, TopicPartition

from contracts.configuration.settings import Settings
from contracts.messages.verdicts import ScoreBatch, decode_scores, decode_status
from transport.kafka.options import kafka_python_options

Line = tuple[float | None, bool, str]


@dataclass
class Read:
    """What the worker's topics hold: scores by (device, session, minute), statuses and dead letters in order."""

    lines: dict[tuple[str, int, int], Line] = field(default_factory=dict)
    contradictions: list[tuple[str, int, int]] = field(default_factory=list)
    repeated: int = 0

    def add(self, batch: ScoreBatch) -> None:
        for minute, score, flagged, state in zip(
            batch.event_minute, batch.score, batch.flagged, batch.state, strict=True
        ):
            key = (batch.device_id, batch.session_id, minute)
            line = (None if score is None else score, flagged, str(state))
            if key in self.lines:
                self.repeated += 1
                if self.lines[key] != line:
                    self.contradictions.append(key)
            self.lines[key] = line


class Topics:
    """Reads whole topics, as far as they reach now."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def records(self, topic: str) -> list:
        with_timeout = KafkaConsumer(**kafka_python_options(self.settings), enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, p) for p in with_timeout.partitions_for_topic(topic) or ()]
            with_timeout.assign(partitions)
            ends = with_timeout.end_offsets(partitions)
            with_timeout.seek_to_beginning(*partitions)
            found = []
            while any(with_timeout.position(tp) < end for tp, end in ends.items()):
                for part in with_timeout.poll(500).values():
                    found.extend(part)
            return found
        finally:
            with_timeout.close()

    def scores(self) -> Read:
        read = Read()
        for record in self.records(self.settings.topics.scores):
            read.add(decode_scores(record.value))
        return read

    def statuses(self) -> list:
        return [decode_status(record.value) for record in self.records(self.settings.topics.device_status)]

    def dead_letters(self) -> list:
        return self.records(self.settings.topics.dead_letters)


def alike(read: Line, expected: Line) -> bool:
    """The same verdict; the score may differ in its last bits, as batches are cut otherwise."""
    if read[0] is None or expected[0] is None:
        return read == expected
    return read[1:] == expected[1:] and abs(read[0] - expected[0]) <= 3e-6
