"""Rounds and a Redis that fails over or refuses: none is made of what cannot be checked, and they go on by themselves."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from redis_servers import Server, ended, sentinel_url, start_pair, start_sentinels
from structlog.testing import capture_logs

from contracts.messages.federation import RoundPhase
from transport.redis import health

pytestmark = pytest.mark.integration


@pytest.fixture
def servers():
    with ended([]) as started:
        yield started


def at(bench, url: str):
    bench.settings = bench.settings.model_copy(update={"redis_url": url})
    return bench


async def test_rounds_go_on_at_the_primary_that_three_sentinels_choose(bench, tmp_path, servers):
    old, new = start_pair(tmp_path, servers)
    bench = at(bench, sentinel_url(start_sentinels(tmp_path, old, servers)))
    stop = asyncio.Event()
    async with asyncio.timeout(90), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        running = asyncio.create_task(bench.coordinator().run(stop))
        first = await bench.until_round(RoundPhase.COMMITTED)
        old.end()
        skipped = await bench.until_round(RoundPhase.SKIPPED, "redis_unavailable", after=first.round)
        after = await bench.until_round(RoundPhase.COMMITTED, after=skipped.round)
        stop.set()
        await running
    assert after.accepted == ["a", "b"]
    with new.client() as client:
        assert client.get(bench.settings.redis_keys.coordinator_lease) == str(after.lease_token).encode()
        assert client.hget(bench.settings.redis_keys.current_model, "sha256") is not None


async def test_rounds_are_skipped_while_redis_refuses_writes_and_go_on_when_it_takes_them(
    bench, tmp_path, servers, monkeypatch
):
    monkeypatch.setattr(structlog, "is_configured", lambda: True)  # as in a program
    monkeypatch.setattr(health, "PROCESS", health.RedisHealth())
    servers.append(Server(tmp_path).start())
    bench, stop = at(bench, servers[0].url), asyncio.Event()
    with capture_logs() as logs, servers[0].client() as admin:
        async with asyncio.timeout(60), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
            running = asyncio.create_task(bench.coordinator(round_deadline_s=3.0).run(stop))
            first = await bench.until_round(RoundPhase.COMMITTED)
            admin.config_set("min-replicas-to-write", 1)
            skipped = await bench.until_round(RoundPhase.SKIPPED, "redis_unavailable", after=first.round)
            skipped = await bench.until_round(RoundPhase.SKIPPED, "redis_unavailable", after=skipped.round)
            admin.config_set("min-replicas-to-write", 0)
            after = await bench.until_round(RoundPhase.COMMITTED, after=skipped.round)
            stop.set()
            await running
    assert after.accepted == ["a", "b"]
    assert [line["event"] for line in logs if line["event"].startswith("redis_")] == ["redis_refuses", "redis_back"]
