"""Whether Kafka answers is known from every call: of the reader that discovers topics, of those that follow them, of the publisher."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.metrics import KAFKA_UP
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import TopicReader
from transport.kafka.watch import watched_call


class FakeClient:
    """Answers while it is up, else raises as aiokafka does."""

    def __init__(self) -> None:
        self.is_up = True

    @property
    def _client(self) -> FakeClient:
        return self

    @property
    def cluster(self) -> SimpleNamespace:
        return SimpleNamespace(brokers=lambda: [SimpleNamespace(nodeId=1)])

    async def send(self, node: int, request: object) -> SimpleNamespace:
        return self._answer(SimpleNamespace(topics=[(0, "t", bytes(16), False, [], 0, {})]))

    async def send_and_wait(self, *_: Any, **__: Any) -> None:
        self._answer(None)

    def _answer(self, answer: Any) -> Any:
        if not self.is_up:
            raise KafkaConnectionError("no connection")
        return answer


async def list_for_the_worker(client: FakeClient) -> None:
    reader = OffsetRangeReader(Settings())
    reader._consumer = client
    await reader.topics()


async def list_for_the_others(client: FakeClient) -> None:
    reader = TopicReader(Settings())
    reader._consumer = client
    await reader.list_topics()


async def publish(client: FakeClient) -> None:
    publisher = Publisher(Settings())
    publisher._producer = client
    await publisher.send("t", "k", b"v")


@pytest.mark.parametrize("call", [list_for_the_worker, list_for_the_others, publish])
async def test_kafka_is_up_while_it_answers(call):
    client = FakeClient()
    for is_up in (True, False, True):
        client.is_up = is_up
        if is_up:
            await call(client)
        else:
            with pytest.raises(Unavailable):
                await call(client)
        assert KAFKA_UP._value.get() == is_up


async def test_a_call_that_hangs_shows_kafka_as_down_until_it_returns():
    KAFKA_UP.set(1)
    with watched_call(hangs_after_s=0.01):
        while KAFKA_UP._value.get() == 1:
            await asyncio.sleep(0.01)
    assert KAFKA_UP._value.get() == 1
    with watched_call(hangs_after_s=0.01):
        pass
    await asyncio.sleep(0.05)
    assert KAFKA_UP._value.get() == 1
