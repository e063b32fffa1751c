"""A Redis that refuses, is replaced or fails over costs the view some seconds and never a minute: real servers and Sentinels."""

from __future__ import annotations

import json
import time

import pytest
from redis_servers import MovingAddress, Server, ended, sentinel_url, start_pair, start_sentinels

pytestmark = pytest.mark.integration
NEW_SERVER = ["redis_is_another_server", "redis_view_rewritten"]
STATES = "redis_unreachable", "redis_refuses", "redis_back", "redis_view_rewritten", "redis_is_another_server"


@pytest.fixture
def servers():
    with ended([]) as started:
        yield started


@pytest.fixture
def server(tmp_path, servers):
    servers.append(Server(tmp_path / "redis").start())
    return servers[0]


@pytest.fixture
def pair(tmp_path, servers):
    return start_pair(tmp_path, servers)


@pytest.fixture
def sentinels(tmp_path, pair, servers) -> str:
    return sentinel_url(start_sentinels(tmp_path, pair[0], servers))


@pytest.fixture
def stays(sender, stay):
    sender.create("busy", "quiet")
    return [stay("busy", 300), stay("quiet", 100)]


@pytest.fixture
def assert_nothing_lost(topics, offline, stays):
    """Whatever Redis did, the record in Kafka is that of an undisturbed run."""

    def check() -> None:
        read, expected = topics.scores(), offline(stays)
        assert read.contradictions == []
        assert {key: line[1:] for key, line in read.lines.items()} == {key: line[1:] for key, line in expected.items()}

    return check


def events(worker) -> list[str]:
    """What the worker said of Redis, in order."""
    lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
    return [line["event"] for line in lines if line["event"] in STATES]


@pytest.mark.parametrize("reason", ["full", "read_only"])
def test_while_redis_answers_and_refuses_nothing_is_said_to_be_mended(
    reason, server, plain_worker, sender, stays, assert_nothing_lost, view_at, wait_until
):
    view = view_at(server.url)
    worker = plain_worker(redis_url=server.url)
    sender.send(stays, 0, 100)
    wait_until(lambda: view.applied_through(stays[1:]), 20, "the first part is shown")
    with server.client() as admin:
        if reason == "full":
            admin.config_set("maxmemory", 500_000)
        else:
            admin.replicaof("127.0.0.1", 1)
        sender.send(stays, 100, 200)
        wait_until(lambda: events(worker), 10, "the refusal is noticed")
        time.sleep(3)  # the worker asks once a second
        assert events(worker) == ["redis_refuses"]
        assert f'"reason": "{reason}"' in worker.log
        admin.config_set("maxmemory", 0)
        admin.execute_command("REPLICAOF", "NO", "ONE")
    wait_until(lambda: view.minutes("busy") == 200, 10, "the whole view is shown again")
    sender.send(stays, 200)
    wait_until(lambda: view.applied_through(stays), 20, "everything is shown")
    assert events(worker) == ["redis_refuses", "redis_back", "redis_view_rewritten"]
    assert_nothing_lost()


def test_an_address_that_moves_to_a_replica_without_the_last_writes(
    pair, plain_worker, sender, stays, assert_nothing_lost, view_at, wait_until
):
    old, new = pair
    address, view = MovingAddress(old.port), view_at(new.url)
    worker = plain_worker(redis_url=address.url)
    sender.send(stays, 0, 90)
    wait_until(lambda: view.minutes("quiet") == 90, 20, "the replica has the first part")
    with new.client() as promoted:
        promoted.execute_command("REPLICAOF", "NO", "ONE")
    sender.send(stays, 90, 100)
    wait_until(
        lambda: view_at(old.url).applied_through(stays[1:]), 20, "the old primary has what the new one never gets"
    )
    assert not view.applied_through(stays[1:])
    with old.client() as demoted:
        demoted.replicaof("127.0.0.1", new.port)
    address.target = new.port
    wait_until(lambda: view.applied_through(stays[1:]), 8, "a device that sends nothing is shown as it was judged last")
    sender.send(stays, 100)
    wait_until(lambda: view.applied_through(stays), 20, "everything is shown")
    address.close()
    said = events(worker)
    assert [event for event in said if event in NEW_SERVER] == NEW_SERVER
    # Nothing, where the connection was just old enough to be made anew.
    assert [event for event in said if event not in NEW_SERVER] in (["redis_refuses", "redis_back"], [])
    assert_nothing_lost()


def test_three_sentinels_choose_another_primary(
    pair, sentinels, plain_worker, sender, stays, assert_nothing_lost, view_at, wait_until
):
    old, new = pair
    worker, view = plain_worker(redis_url=sentinels), view_at(new.url)
    sender.send(stays, 0, 100)
    wait_until(lambda: view.applied_through(stays[1:]), 20, "the replica has the first part")
    old.end()
    sender.send(stays, 100, 200)
    wait_until(lambda: view.minutes("busy") == 200, 20, "the view is written to the new primary")
    sender.send(stays, 200)
    wait_until(lambda: view_at(sentinels).applied_through(stays), 20, "everything is shown")
    assert events(worker).count("redis_back") == events(worker).count("redis_view_rewritten") == 1
    assert_nothing_lost()
