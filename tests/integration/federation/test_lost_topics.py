"""Topics of the federation that are deleted: noticed, made again, and gone on from with what else is on record."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from kafka import KafkaAdminClient

from contracts.configuration.settings import Settings
from contracts.messages.federation import RoundPhase
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options

pytestmark = pytest.mark.integration


@pytest.fixture
def delete(settings: Settings):
    """Delete topics, and return when the broker shows them no more."""
    admin = KafkaAdminClient(**kafka_python_options(settings))

    async def delete(*topics: str) -> None:
        await asyncio.to_thread(admin.delete_topics, list(topics))
        while set(topics) & set(await asyncio.to_thread(admin.list_topics)):
            await asyncio.sleep(0.05)

    yield delete
    admin.close()


async def test_after_the_loss_of_rounds_and_models_numbers_and_the_model_go_on(bench, delete):
    """As hard input e2: a device that answered round 2 ignores a second round 2, so there must be none."""
    topics = bench.settings.topics
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with asyncio.timeout(60), bench.taking_part(*devices):
        await bench.run_rounds(2)
        await delete(topics.fl_rounds, topics.models)
        ensure_topics(bench.settings, topics.fixed())
        rounds = await bench.run_rounds(1)
    assert list(rounds) == [3]
    assert (rounds[3].phase, rounds[3].accepted) == (RoundPhase.COMMITTED, ["a", "b"])
    assert rounds[3].model_sha256 == bench.model(2.0).sha256
    assert set(await bench.models()) == {bench.model(2.0).sha256}


async def test_topics_that_vanish_under_a_running_coordinator_are_made_again(bench, delete):
    topics = bench.settings.topics
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    stop = asyncio.Event()
    async with asyncio.timeout(90), bench.taking_part(*devices):
        running = asyncio.create_task(bench.coordinator().run(stop))
        before = await bench.until_round(RoundPhase.COMMITTED)
        await delete(topics.fl_rounds, topics.models, topics.fl_events)
        while True:  # until the topics are there
            with contextlib.suppress(Exception):
                after = await bench.until_round(RoundPhase.COMMITTED, after=before.round)
                break
            await asyncio.sleep(0.3)
        stop.set()
        await running
    assert after.accepted == ["a", "b"]
