"""A reader of many topics: known in one question, and asked for the more seldom the more there are."""

from __future__ import annotations

import asyncio

import pytest

from contracts.configuration.settings import Settings
from transport.kafka.admin import ensure_topics
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import TopicReader

MANY = 60


@pytest.fixture
def topics(settings: Settings) -> list[str]:
    """Sixty devices' topics of updates."""
    specs = [settings.topics.fl_updates_spec(f"d{number:03}") for number in range(MANY)]
    ensure_topics(settings, specs)
    return [spec.name for spec in specs]


@pytest.mark.parametrize("start", ["latest", "earliest", 1.0])
async def test_many_topics_are_made_known_in_a_question_or_two(
    settings: Settings, topics: list[str], start, monkeypatch
):
    async with TopicReader(settings) as reader:
        asked = []
        client = reader._consumer._client
        ask = client.force_metadata_update
        monkeypatch.setattr(client, "force_metadata_update", lambda: (asked.append(1), ask())[1])
        await reader.add_existing(topics, start=start)
        assert reader.topics_read == set(topics)
        assert len(asked) <= 3


async def test_a_patient_reader_asks_more_seldom_and_hands_out_the_same(settings: Settings, topics: list[str]):
    async with (
        Publisher(settings) as publisher,
        TopicReader(settings, fetch_wait_ms=50) as hasty,
        TopicReader(settings, fetch_wait_ms=50, is_patient=True) as patient,
    ):
        for reader in (hasty, patient):
            await reader.add_existing(topics, start="latest")
        fetcher = patient._consumer._fetcher
        assert (fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes) == (50 + MANY // 2, 64 * MANY)
        for topic in topics[:5]:
            await publisher.send(topic, "k", topic.encode())
        for reader in (hasty, patient):
            async with asyncio.timeout(20):
                found: set[bytes | None] = set()
                while len(found) < 5:
                    found |= {record.value for record in await reader.poll(0.2)}
            assert found == {topic.encode() for topic in topics[:5]}
