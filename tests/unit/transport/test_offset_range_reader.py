"""Readers of one client: what each reads is its own, whoever else asks meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from contracts.configuration.settings import Settings
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import TopicPartition

A, B = TopicPartition("v.a", 0), TopicPartition("v.b", 0)
LAST = 5


class OneAssignment:
    """A client with the records 0 to LAST of every partition; like aiokafka's, it gives only what is assigned now."""

    def __init__(self) -> None:
        self.positions: dict[TopicPartition, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    def pause(self, *partitions: TopicPartition) -> None:
        assert self.positions.keys() >= set(partitions)

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, LAST + 1)

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        fetched = {}
        for partition in partitions:
            at = self.positions[partition]
            fetched[partition] = [SimpleNamespace(topic=partition.topic, offset=at)]
            self.positions[partition] = at + 1
        return fetched

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]


async def test_two_readings_and_a_question_at_once_get_what_each_asked_for():
    reader = OffsetRangeReaderOf(OneAssignment())
    first, second, bounds = await asyncio.gather(
        reader.offsets(A, 1, 5), reader.offsets(B, 2, 4), reader.bounds([A, B])
    )
    assert (first, second) == ([1, 2, 3, 4], [2, 3])
    assert bounds == {A: (0, LAST + 1), B: (0, LAST + 1)}


class OffsetRangeReaderOf(OffsetRangeReader):
    def __init__(self, client: OneAssignment) -> None:
        super().__init__(Settings())
        self._consumer = client

    async def offsets(self, partition: TopicPartition, start: int, stop: int) -> list[int]:
        return [record.offset async for records in self.read({partition: (start, stop)}) for record in records]
