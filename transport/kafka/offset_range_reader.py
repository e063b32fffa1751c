"""Reads ranges of offsets without a consumer group, for restores, gaps and discovery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from transport.kafka.offsets import TopicPartition
from transport.kafka.options import aiokafka_options
from transport.kafka.protocol.topic_ids import TopicIds, topic_ids
from transport.kafka.watch import start_client, watched_call

log = structlog.get_logger()

Result = TypeVar("Result")

PATIENCE_S = 120.0
RETRY_S = 0.5
STALL_S = 30.0
POLL_MS = 500


class OffsetRangeReader:
    """Reads ranges with a known end, where `transport.kafka.topic_reader` follows topics as they grow.

    What is read depends on the one assignment that the client has, so `bounds` and `read` wait for each other; a reading that was
    begun is to be taken to its end. `topics` needs no assignment and waits for nobody.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._assignment = asyncio.Lock()

    async def start(self) -> None:
        """Connect, or raise Unavailable with what the broker said."""
        consumer = AIOKafkaConsumer(
            **aiokafka_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=16 * 1024 * 1024,
            fetch_max_wait_ms=100,
        )
        await start_client(consumer, self._settings)
        self._consumer = consumer

    async def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def topics(self) -> TopicIds:
        """Return all topics that this principal may see, with their ids. Raises Unavailable at once."""
        try:
            with watched_call():
                client = self._connected()._client  # noqa: SLF001 - a consumer's public calls give no ids
                return await asyncio.wait_for(topic_ids(client), 10.0)
        except (KafkaError, TimeoutError, OSError) as error:
            raise Unavailable(f"Kafka does not list its topics ({type(error).__name__})") from None

    async def topic_ids(self) -> TopicIds:
        """Return what `topics` does, but patiently, as `bounds`."""
        return await self._patiently(lambda: topic_ids(self._connected()._client))  # noqa: SLF001 - see above

    async def partitions(self, topic: str) -> list[TopicPartition]:
        """Return the partitions of a topic that exists."""
        # Asking for an offset makes the client learn the topic: its own partition list is empty until then.
        await self.bounds([TopicPartition(topic, 0)])
        return [
            TopicPartition(topic, number) for number in sorted(self._connected().partitions_for_topic(topic) or (0,))
        ]

    async def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return each partition's (first offset kept, next offset to be written), in two requests for all of them."""
        tps = [KafkaPartition(*partition) for partition in partitions]
        if not tps:
            return {}
        consumer = self._connected()

        async def ask() -> dict[TopicPartition, tuple[int, int]]:
            # Assigned topics are learnt in one request; unknown ones would be asked for one by one, 100 ms each.
            consumer.assign(tps)
            consumer.pause(*tps)
            starts = await consumer.beginning_offsets(tps)
            ends = await consumer.end_offsets(tps)
            return {TopicPartition(*tp): (starts[tp], ends[tp]) for tp in tps}

        async with self._assignment:
            return await self._patiently(ask)

    async def read(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> AsyncIterator[list[Any]]:
        """Yield aiokafka's records of [start, stop) of each partition, a partition's in order. Raises Unavailable when stuck."""
        stops = {KafkaPartition(*partition): stop for partition, (start, stop) in ranges.items() if start < stop}
        if not stops:
            return
        async with self._assignment:
            consumer = self._connected()
            consumer.assign(list(stops))
            for tp in stops:
                consumer.seek(tp, ranges[TopicPartition(*tp)][0])
            async for records in self._fetch(consumer, stops):
                yield records

    async def _fetch(self, consumer: AIOKafkaConsumer, stops: dict[KafkaPartition, int]) -> AsyncIterator[list[Any]]:
        last_progress = time.monotonic()
        while stops:
            try:
                fetched = await consumer.getmany(*stops, timeout_ms=POLL_MS)
            except (KafkaError, OSError) as error:
                log.warning("read_retried", error=type(error).__name__)
                await asyncio.sleep(RETRY_S)
                fetched = {}
            for tp, records in fetched.items():
                yield [record for record in records if record.offset < stops[tp]]
            if fetched:
                last_progress = time.monotonic()
            elif time.monotonic() - last_progress > PATIENCE_S:
                raise Unavailable(f"{len(stops)} partitions give no records for {PATIENCE_S:.0f} s")
            # A compacted topic may keep no record just below its end: the position tells.
            for tp in [tp for tp in fetched if await consumer.position(tp) >= stops[tp]]:
                del stops[tp]
                consumer.pause(tp)

    async def _patiently(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await asyncio.wait_for(ask(), STALL_S)
            except (KafkaError, TimeoutError, OSError) as error:
                if time.monotonic() > give_up_at:
                    raise Unavailable(f"Kafka does not tell its offsets ({type(error).__name__})") from None
                await asyncio.sleep(RETRY_S)

    def _connected(self) -> AIOKafkaConsumer:
        return cast("AIOKafkaConsumer", self._consumer)
