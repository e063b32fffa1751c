"""Reads the journal in order, after a restart from where its last record says that all before is settled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Self

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.ingest import JournalRecord, decode_journal
from transport.kafka.options import kafka_python_options

MOST_RECORDS: Final = 1000
log = structlog.get_logger()


class Entry(NamedTuple):
    """A record of the journal and its offset."""

    offset: int
    record: JournalRecord


class JournalReader:
    """Reads one journal. Every call blocks for at most some seconds and raises Unavailable. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._servers = settings.kafka_bootstrap_servers
        self._at = TopicPartition(settings.topics.ingest(settings.ingest_name), 0)
        with self._watched():
            self._consumer = KafkaConsumer(
                **kafka_python_options(settings), enable_auto_commit=False, group_id=None, auto_offset_reset="earliest"
            )
            self._consumer.assign([self._at])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close(autocommit=False)

    def rewind(self) -> int:
        """Go to where the minutes are not settled yet. Return the offset after the last record there is now."""
        with self._watched():
            first = self._consumer.beginning_offsets([self._at])[self._at]
            end = self._consumer.end_offsets([self._at])[self._at]
            settled = first
            if end > first:
                self._consumer.seek(self._at, end - 1)
                entries = self.poll(10.0)
                settled = entries[0].record.settled_before if entries else first
            self._consumer.seek(self._at, min(max(first, settled), end))
            return int(end)

    @property
    def position(self) -> int:
        """The offset of the next record to be handed out."""
        return int(self._consumer.position(self._at))

    def poll(self, timeout_s: float) -> list[Entry]:
        """Return the next records, none when none come in time. What is no record of a journal is passed over."""
        with self._watched():
            records = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=MOST_RECORDS)
        entries = []
        for record in records.get(self._at, ()):
            try:
                entries.append(Entry(record.offset, decode_journal(record.value)))
            except InvalidMessage as error:
                log.warning("journal_record_passed_over", offset=record.offset, reason=error.reason)
        return entries

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise Unavailable(
                f"Kafka at {self._servers} does not give back the ingest's journal ({type(error).__name__})"
            ) from None
