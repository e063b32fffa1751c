"""The ids of topics, and readers that begin anew where a topic has another than before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest_v5

from contracts.configuration.settings import Settings
from transport.kafka.protocol.topic_ids import topic_ids
from transport.kafka.topic_reader import TopicReader

OLD, NEW = bytes([1]) * 16, bytes([2]) * 16


class Broker:
    """A client and its consumer, with records 0 to `end` - 1 of the one partition of each topic."""

    def __init__(self, **topics: tuple[bytes, int]) -> None:
        self.topics, self.positions, self.versions = topics, dict[Any, int](), {3: (0, 13)}
        self.silent: set[int] = set()
        self.cluster = SimpleNamespace(brokers=lambda: [SimpleNamespace(nodeId=node) for node in (1, 2)])
        self._client = self

    async def send(self, node: int, request: Any) -> SimpleNamespace:
        if node in self.silent:
            raise KafkaConnectionError("gone")
        asked = request.prepare(self.versions)
        is_old = isinstance(asked, MetadataRequest_v5)
        names = list(self.topics) if asked.topics is None else [one if is_old else one[1] for one in asked.topics]
        if is_old:
            entries: list[tuple[Any, ...]] = [(0 if name in self.topics else 3, name, False, []) for name in names]
        else:
            known = {name: self.topics.get(name, (bytes(16), 0))[0] for name in names}
            entries = [(0 if name in self.topics else 3, name, known[name], False, [], 0, {}) for name in names]
        return SimpleNamespace(topics=entries)

    async def fetch_all_metadata(self) -> SimpleNamespace:
        return SimpleNamespace(partitions_for_topic=lambda topic: {0} if topic in self.topics else None)

    async def beginning_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return {at: self.topics[at.topic][1] for at in partitions}

    async def set_topics(self, topics: set[str]) -> None:
        assert topics <= self.topics.keys(), "only what exists is asked for"

    def assign(self, partitions: list[Any]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: Any, offset: int) -> None:
        self.positions[partition] = offset

    async def getmany(self, **_: Any) -> dict[Any, list[Any]]:
        fetched = {}
        for at, position in self.positions.items():
            if position < (end := self.topics[at.topic][1]):
                fetched[at] = [SimpleNamespace(topic=at.topic, offset=offset) for offset in range(position, end)]
                self.positions[at] = end
        return fetched


def reader_of(broker: Broker) -> TopicReader:
    reader = TopicReader(Settings())
    reader._consumer = broker
    return reader


async def test_each_topic_has_its_id_and_one_that_is_not_there_none():
    broker = Broker(a=(OLD, 0), b=(NEW, 0))
    assert await topic_ids(broker) == {"a": OLD.hex(), "b": NEW.hex()}
    assert await topic_ids(broker, ["a", "gone"]) == {"a": OLD.hex()}


async def test_an_old_broker_gives_no_ids_but_its_topics():
    broker = Broker(a=(OLD, 0))
    broker.versions = {3: (0, 5)}
    assert await topic_ids(broker) == {"a": ""}


async def test_any_broker_may_answer():
    broker = Broker(a=(OLD, 0))
    broker.silent = {1}
    assert await topic_ids(broker) == {"a": OLD.hex()}
    broker.silent = {1, 2}
    with pytest.raises(KafkaConnectionError):
        await topic_ids(broker)


@pytest.mark.parametrize("end", [2, 5, 9], ids=["shorter", "as-long", "longer"])
async def test_a_topic_made_anew_is_read_from_its_start_whatever_its_length(end: int):
    broker = Broker(a=(OLD, 5), b=(OLD, 3))
    reader = reader_of(broker)
    await reader.add(["a", "b"], start="earliest")
    await reader.poll(0)
    assert await reader.is_at_end()
    assert reader.take_made_anew() == set()
    broker.topics["a"] = (NEW, end)
    assert not await reader.is_at_end()
    assert [(record.topic, record.offset) for record in await reader.poll(0)] == [("a", at) for at in range(end)]
    assert reader.take_made_anew() == {"a"}
    assert reader.take_made_anew() == set()
    assert await reader.is_at_end()


async def test_a_reader_that_only_polls_notices_it_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("transport.kafka.topic_reader.LOOK_EVERY_S", 0.0)
    broker = Broker(a=(OLD, 5))
    reader = reader_of(broker)
    await reader.add(["a"], start="latest")
    broker.topics["a"] = (NEW, 7)
    assert len(await reader.poll(0)) == 7
    assert reader.take_made_anew() == {"a"}
