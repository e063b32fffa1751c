"""Publishes the coordinator's records: rounds, audit events and dead letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.messages.dead_letters import dead_letter_headers
from contracts.messages.federation import FlEvent, RoundRecord, encode_federation
from contracts.metrics import DEAD_LETTERS
from contracts.topics import Topics
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import Record


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes `fl.rounds`, `fl.events` and dead letters. Every method raises Unavailable when Kafka does not take it."""

    publisher: Publisher
    topics: Topics
    clock: Callable[[], float]

    async def round(self, record: RoundRecord) -> None:
        """Publish where a round stands now."""
        await self.publisher.send(self.topics.fl_rounds, str(record.round), encode_federation(record))

    async def event(
        self, kind: str, round_number: int, device_id: str | None = None, reason: str = "", **detail: Any
    ) -> None:
        """Add a line to the audit trail, keyed by the device it is about, else by the round."""
        event = FlEvent(
            at=self.clock(), kind=kind, round=round_number, device_id=device_id, reason=reason, detail=detail
        )
        await self.publisher.send(self.topics.fl_events, device_id or str(round_number), encode_federation(event))

    async def dead_letter(self, record: Record, device_id: str, reason: str, detail: str) -> None:
        """Set a bad message aside with its raw bytes."""
        headers = dead_letter_headers(reason, detail, record.topic, record.partition, record.offset)
        await self.publisher.send(self.topics.dead_letters, device_id, record.value, headers)
        DEAD_LETTERS.labels(reason).inc()
