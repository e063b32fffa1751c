"""Of two processes with one name the later ends with a sentence; a crashed one's successor waits a few seconds at most."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable
from random import Random

import pytest
import redis

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.metrics import IDENTITY_CONFLICTS
from fl_device.host.participant import HostedDevices
from fl_device.host.presence import Attendance, Presence
from transport.claims import Claims, Terms
from transport.clock import Backoff
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


@pytest.fixture
def client(settings: Settings):
    with connect_redis(settings) as client:
        yield client


def asked(kind: str) -> float:
    return IDENTITY_CONFLICTS.labels(kind)._value.get()


def test_a_claim_is_one_process_own_until_it_is_given_back_or_lapses(client: redis.Redis):
    one, other = (Claims(client, "worker", Terms(60.0, 60.0)) for _ in range(2))
    keys, before = ["t:a", "t:b"], asked("worker")
    assert one.hold(keys[:1]) == []
    assert other.hold(keys) == keys[:1]
    assert one.hold(keys) == keys[1:]
    assert asked("worker") == before + 1
    other.release(keys)  # only what is its own
    assert one.hold(keys) == []
    assert 0 < client.pttl("t:a") <= 60_000
    client.delete(*keys)  # as they lapse
    assert other.hold(keys) == []
    assert one.hold(keys) == keys


def test_a_claim_that_stands_longer_is_free_when_it_was_not_renewed(client: redis.Redis):
    one, other = (Claims(client, "host", Terms(600.0, 100.0)) for _ in range(2))
    one.hold(["t:a"])
    assert other.hold(["t:a"]) == ["t:a"]
    client.pexpire("t:a", 499_000)  # renewed 101 s ago
    assert other.hold(["t:a"]) == []


@pytest.mark.parametrize("spoil", ["hset", "rpush", "sadd", "zadd"])
def test_a_key_of_another_type_is_nobodys(client: redis.Redis, spoil: str):
    for key in ("t:a", "t:a:asked"):
        client.delete(key)
        getattr(client, spoil)(key, *({"x": 1},) if spoil == "zadd" else ("x", "y")[: 2 if spoil == "hset" else 1])
    one, other = (Claims(client, "worker") for _ in range(2))
    assert one.hold(["t:a"]) == []
    client.delete("t:a:asked")
    client.hset("t:a:asked", "x", "y")
    assert other.hold(["t:a"]) == ["t:a"]
    assert one.hold(["t:a"]) == []


def attendance(client: redis.Redis, settings: Settings) -> Attendance:
    hosted = HostedDevices()
    hosted.add("a", 0)
    presence = Presence(client, settings.redis_keys, 6.0)
    return Attendance(presence, hosted, lambda: True, Backoff(Random(0)))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.05)


async def test_the_later_of_two_hosts_of_a_device_ends_and_answers_for_nobody(client, settings):
    first, second, stop, before = (
        attendance(client, settings),
        attendance(client, settings),
        asyncio.Event(),
        asked("host"),
    )
    running = asyncio.create_task(first.run(stop))
    await until(lambda: client.exists(settings.redis_keys.presence("a")) == 1)
    with pytest.raises(Misconfigured, match="another device host runs a: end it"):
        await asyncio.wait_for(second.run(stop), 60)
    assert second._hosted.elsewhere == {"a"}
    assert first._hosted.elsewhere == set()
    assert asked("host") > before
    running.cancel()  # it crashes: its mark stays
    third = attendance(client, settings)
    third._hosted.elsewhere = {"a"}
    running = asyncio.create_task(third.run(stop))
    await until(lambda: not third._hosted.elsewhere)
    stop.set()
    await running


def test_the_later_of_two_workers_with_one_id_ends(spawn, settings, wait_until, client):
    settings = settings.model_copy(update={"metrics_port": 0})
    key = settings.redis_keys.worker(settings.worker_group, "ward-a")
    first = spawn("worker", "--id", "ward-a", settings=settings)
    wait_until(lambda: client.get(key), 30, "the first has its id")
    second = spawn("worker", "--id", "ward-a", settings=settings)
    assert second.wait(30) == 2
    assert "fedsecure: another worker has the id ward-a: give each its own" in second.log
    assert first.runs()
    events = (json.loads(line) for line in first.log.splitlines() if line.startswith("{"))
    at = next(event for event in events if event["event"] == "probes_listen")
    with urllib.request.urlopen(f"http://{at['host']}:{at['port']}/metrics") as answer:
        counted = [line for line in answer.read().decode().splitlines() if 'conflicts_total{kind="worker"}' in line]
    assert float(counted[0].split()[-1]) > 0
    first.kill()
    third = spawn("worker", "--id", "ward-a", settings=settings)
    wait_until(lambda: "worker_started" in third.log, 30, "the successor of the one that was killed runs")
    third.stop()


def test_the_later_of_two_replays_of_a_device_ends(spawn, settings, wait_until, client):
    command = ("replay", "--synthetic", "2", "--speed", "60")
    first = spawn(*command, settings=settings)
    wait_until(lambda: client.keys(settings.redis_keys.replay("*")), 30, "the first has its devices")
    second = spawn(*command, settings=settings)
    assert second.wait(30) == 2
    assert "fedsecure: another replay sends synthetic-" in second.log
    first.kill()
    third = spawn(*command, settings=settings)
    wait_until(lambda: "replay_topics_ready" in third.log, 30, "the successor of the one that was killed sends")
    third.stop()
