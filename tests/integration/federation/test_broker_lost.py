"""Rounds go on when one of three brokers is killed, from the model that the last committed one made."""

from __future__ import annotations

import asyncio

import pytest
from broker_leaders import leader_of_most

from contracts.configuration.settings import Settings
from contracts.messages.federation import RoundPhase

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(clustered: Settings) -> Settings:
    return clustered


async def test_rounds_go_on_when_the_broker_that_leads_their_record_is_killed(bench, three_brokers):
    stop = asyncio.Event()
    async with asyncio.timeout(90), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        running = asyncio.create_task(bench.coordinator().run(stop))
        first = await bench.until_round(RoundPhase.COMMITTED)
        victim = await asyncio.to_thread(leader_of_most, bench.settings, [bench.settings.topics.fl_rounds])
        await asyncio.to_thread(three_brokers.kill, victim)
        bench.show("a", "b")
        without_it = await bench.until_round(RoundPhase.COMMITTED, after=max(await bench.rounds()))
        await asyncio.to_thread(three_brokers.start, victim)
        with_it = await bench.until_round(RoundPhase.COMMITTED, after=max(await bench.rounds()))
        stop.set()
        await running
    rounds = await bench.rounds()
    assert first.round < without_it.round < with_it.round
    assert sorted(rounds) == list(range(1, max(rounds) + 1)), "no round is lost, none is held twice"
    model = bench.model(0.0).sha256
    for _, record in sorted(rounds.items()):
        assert record.model_sha256 == model
        model = record.new_model_sha256 or model
