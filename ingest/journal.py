"""Writes readings down in the ingest's own topic before they are acknowledged: what is on it survives every kill."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

import msgspec
import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.messages.ingest import ChannelName, DeviceReadings, JournalRecord, encode_journal
from transport.clock import Clock
from transport.kafka.publisher import Publisher

READINGS_A_RECORD: Final = 5000
TROUBLE_AFTER_S: Final = 1.0
log = structlog.get_logger()
Sources = Callable[[str], Mapping[ChannelName, int]]


class Journal:
    """Appends to the journal. Use as an async context manager. A producer that failed is replaced.

    `settled` tells the offset that a restart may begin at, `sources` what a device's minutes are made of: each record
    carries both on. `trouble_at` (the clock's monotonic seconds, any thread may ask) is when an append last failed or
    hung: until then monitors were silent only because nobody answered them.
    """

    def __init__(
        self,
        settings: Settings,
        settled: Callable[[], int],
        sources: Sources,
        clock: Clock,
        producer: Callable[[Settings], Publisher] = Publisher,
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._topic = settings.topics.ingest(settings.ingest_name)
        self._settled = settled
        self._sources = sources
        self._clock = clock
        self._publisher: Publisher | None = None
        self._opening = asyncio.Lock()
        self._under_way: dict[object, float] = {}
        self._trouble_at = -math.inf

    async def __aenter__(self) -> Self:
        await self._current()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._publisher is not None:
            await self._publisher.__aexit__(None, None, None)

    @property
    def waits_s(self) -> float:
        """How long the oldest append has been waiting for Kafka, 0 when none does."""
        oldest = min(self._under_way.copy().values(), default=math.inf)
        return max(0.0, self._clock.monotonic() - oldest)

    def trouble_at(self) -> float:
        """Return when an append last failed or had hung, or now while one hangs."""
        return self._clock.monotonic() if self.waits_s > TROUBLE_AFTER_S else self._trouble_at

    async def append(self, devices: Sequence[DeviceReadings]) -> None:
        """Return once Kafka has the readings. Raises Unavailable."""
        token = object()
        self._under_way[token] = self._clock.monotonic()
        try:
            for part in parts(devices):
                await self._send(part)
        except Unavailable:
            self._trouble_at = self._clock.monotonic()
            raise
        finally:
            if self._clock.monotonic() - self._under_way.pop(token) > TROUBLE_AFTER_S:
                self._trouble_at = self._clock.monotonic()

    async def _send(self, devices: list[DeviceReadings]) -> None:
        known = [msgspec.structs.replace(each, sources=dict(self._sources(each.device_id))) for each in devices]
        record = JournalRecord(devices=known, received_at=self._clock.wall(), settled_before=self._settled())
        publisher = await self._current()
        try:
            await publisher.send(self._topic, devices[0].device_id, encode_journal(record))
        except Unavailable:
            await self._discard(publisher)
            raise

    async def _current(self) -> Publisher:
        async with self._opening:
            if self._publisher is None:
                self._publisher = await self._producer(self._settings).__aenter__()
            return self._publisher

    async def _discard(self, failed: Publisher) -> None:
        """Replace a producer that failed: what it may still hold was answered with an error and comes again."""
        async with self._opening:
            if self._publisher is failed:
                self._publisher = None
                log.warning("journal_producer_replaced")
                await failed.__aexit__(None, None, None)


def parts(devices: Sequence[DeviceReadings]) -> list[list[DeviceReadings]]:
    """Return the readings cut into records of a size that a broker takes."""
    cut = [
        msgspec.structs.replace(each, readings=each.readings[at : at + READINGS_A_RECORD])
        for each in devices
        for at in range(0, len(each.readings), READINGS_A_RECORD)
    ]
    records: list[list[DeviceReadings]] = []
    size = READINGS_A_RECORD
    for each in cut:
        if size + len(each.readings) > READINGS_A_RECORD:
            records.append([])
            size = 0
        records[-1].append(each)
        size += len(each.readings)
    return records
