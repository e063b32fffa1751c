"""How a message passes Faust's consumer to the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from contracts.configuration.settings import Settings
from streams.faust.app import build_app


@pytest.fixture
async def consumer() -> AsyncIterator[Any]:
    app = build_app(Settings(prefix="t"))
    made = app.transport.create_consumer(print, on_partitions_revoked=None, on_partitions_assigned=None)
    yield made
    made._thread.thread_loop.close()  # that of the thread which is never started
    await app.core.close()


async def test_a_message_is_handed_over_in_the_task_that_brought_it_while_the_flow_goes(consumer: Any):
    consumer.app.flow_control.resume()
    seen: list[Any] = []

    async def deliver() -> None:
        seen.append(asyncio.current_task())

    await consumer.wait_first(deliver(), consumer.suspend_flow.wait())
    assert seen == [asyncio.current_task()]


async def test_a_message_that_cannot_be_handed_over_holds_nobody_up_once_the_flow_is_suspended(consumer: Any):
    consumer.app.flow_control.suspend()
    waiting = asyncio.ensure_future(consumer.wait_first(asyncio.Event().wait(), consumer.suspend_flow.wait()))
    await asyncio.sleep(0)
    consumer.suspend_flow.set()
    await asyncio.wait_for(waiting, 5)


async def test_what_a_message_does_wrong_is_told_to_who_brought_it(consumer: Any):
    consumer.app.flow_control.resume()

    async def deliver() -> None:
        raise ValueError("no channel")

    with pytest.raises(ValueError, match="no channel"):
        await consumer.wait_first(deliver(), consumer.suspend_flow.wait())


class _Kafka:
    """A consumer that holds partitions, of which some have a committed offset, and tells what was sought."""

    def __init__(self, committed: dict[TopicPartition, int | None], assigned: set[TopicPartition]) -> None:
        self.committed, self.assigned = committed, assigned
        self.sought: dict[TopicPartition, int] = {}

    async def seek_to_committed(self) -> dict[TopicPartition, int | None]:
        return self.committed

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought[partition] = offset


def test_a_message_of_a_partition_that_left_meanwhile_is_handed_over_all_the_same(consumer: Any):
    def highwater(_: TopicPartition) -> int:
        raise AssertionError("Partition is not assigned")

    consumer._thread.highwater = highwater
    assert consumer.highwater(TopicPartition("t.vitals.v1.p1", 0)) == 0


async def test_a_partition_without_a_commit_is_read_from_its_start_after_a_rebalance(consumer: Any):
    known, fresh, gone = (TopicPartition(f"t.vitals.v1.{name}", 0) for name in ("known", "fresh", "gone"))
    thread, kafka = consumer._thread, _Kafka({known: 7, fresh: None, gone: None}, {known, fresh})

    async def call_thread(function: Any, *args: Any) -> Any:
        return await function(*args)

    thread._consumer, thread.call_thread = kafka, call_thread
    told: dict[tuple[str, int], int] = {}
    consumer.app.core.reads_on_from = told.update
    assert await thread.seek_to_committed() == kafka.committed
    assert kafka.sought == {fresh: 0}
    assert told == {tuple(known): 7, tuple(fresh): 0, tuple(gone): 0}
