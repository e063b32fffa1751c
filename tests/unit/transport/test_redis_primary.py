"""A primary that was demoted, replaced or moved away from is left within seconds: real servers, replicas and addresses."""

from __future__ import annotations

import asyncio

import pytest
from redis_servers import MovingAddress, Server, ended, start_pair

from contracts.configuration.settings import Settings
from transport.redis.failures import RedisFailed
from transport.redis.health import RedisHealth, asking
from transport.redis.primary import RENEW_AFTER_S, VIEW_SETTLES_S, Primary
from transport.redis_client import connect_redis, connect_redis_async


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def servers(tmp_path):
    with ended([]) as started:
        yield started


@pytest.fixture
def pair(tmp_path, servers):
    return start_pair(tmp_path, servers)


@pytest.fixture
def address(pair):
    moving = MovingAddress(pair[0].port)
    yield moving
    moving.close()


def swap(old: Server, new: Server) -> None:
    """Make the replica the primary, and the primary its replica: no connection ends."""
    with new.client() as promoted, old.client() as demoted:
        promoted.execute_command("REPLICAOF", "NO", "ONE")
        demoted.replicaof("127.0.0.1", new.port)


def write(client, value: str) -> None:
    with asking("take a write", writes=True, health=RedisHealth()):
        client.set("x", value)


def value_at(server: Server) -> bytes | None:
    with server.client() as client:
        return client.get("x")


def test_a_demoted_primary_is_left_at_the_first_write_that_it_refuses(pair, address):
    old, new = pair
    primary = Primary()
    with connect_redis(Settings(redis_url=address.url), primary) as client:
        write(client, "before")
        swap(old, new)
        address.target = new.port
        with pytest.raises(RedisFailed, match="is a replica"):
            write(client, "refused")
        assert primary.changes == 0
        write(client, "after")
    assert value_at(new) == b"after"
    assert primary.changes == 1


async def test_the_asyncio_client_leaves_it_too(pair, address):
    old, new = pair
    client = connect_redis_async(Settings(redis_url=address.url))
    await client.set("x", "before")
    swap(old, new)
    address.target = new.port
    with pytest.raises(RedisFailed, match="is a replica"), asking("take a write", writes=True, health=RedisHealth()):
        await client.set("x", "refused")
    await client.set("x", "after")
    await client.aclose()
    assert value_at(new) == b"after"


def test_an_address_that_moves_is_followed_although_nothing_fails(tmp_path, servers):
    old, new = Server(tmp_path / "old").start(), Server(tmp_path / "new").start()
    servers += [old, new]
    moving, clock = MovingAddress(old.port), Clock()
    primary = Primary(clock)
    with connect_redis(Settings(redis_url=moving.url), primary) as client:
        write(client, "before")
        moving.target = new.port
        write(client, "within its time")
        clock.now_s += RENEW_AFTER_S + 0.1
        write(client, "after")
    moving.close()
    assert (value_at(old), value_at(new)) == (b"within its time", b"after")
    assert primary.changes == 1


def test_once_another_server_is_met_no_older_connection_is_believed(pair, address):
    old, new = pair
    clock = Clock()
    primary = Primary(clock)
    with connect_redis(Settings(redis_url=address.url), primary) as client:
        pool = client.connection_pool
        first, second = pool.get_connection(), pool.get_connection()
        pool.release(first)
        pool.release(second)
        swap(old, new)
        address.target = new.port
        with pytest.raises(RedisFailed):
            write(client, "refused")
        clock.now_s += 0.1
        write(client, "after")
        assert client.info("replication")["role"] == "master"
        both = [pool.get_connection(), pool.get_connection()]
        for connection in both:
            connection.send_command("ROLE")
            assert connection.read_response()[0] == b"master"
            pool.release(connection)


def test_a_restarted_server_is_another_one(tmp_path, servers):
    server = Server(tmp_path).start()
    servers.append(server)
    primary = Primary()
    with connect_redis(Settings(redis_url=server.url), primary) as client:
        write(client, "before")
        server.end()
        with pytest.raises(RedisFailed, match="does not answer"):
            write(client, "refused")
        server.start()
        write(client, "after")
    assert primary.changes == 1


def test_a_user_who_may_not_ask_for_the_run_id_can_still_connect(tmp_path, servers):
    server = Server(tmp_path).start()
    servers.append(server)
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "default", "-info")
    primary = Primary()
    with connect_redis(Settings(redis_url=server.url), primary) as client:
        write(client, "x")
        client.connection_pool.disconnect()
        write(client, "y")
    assert primary.changes == 0


def test_a_view_settles_for_some_seconds_after_a_change_and_not_at_the_start():
    clock = Clock()
    primary = Primary(clock)
    primary.met("one")
    assert primary.settles_in_s() <= 0
    primary.met("two")
    assert primary.settles_in_s() == VIEW_SETTLES_S
    clock.now_s += VIEW_SETTLES_S
    assert primary.settles_in_s() <= 0
    primary.met("two")
    assert primary.changes == 1


def test_clients_end_with_their_sentinels(tmp_path):
    """What is left open would be a warning, and so an error, of the tests."""
    settings = Settings(redis_url="redis+sentinel://127.0.0.1:1,127.0.0.1:2/ward/0")

    async def ask() -> None:
        client = connect_redis_async(settings)
        with pytest.raises(RedisFailed, match="no primary"), asking("answer", writes=False, health=RedisHealth()):
            await client.ping()
        await client.aclose()

    asyncio.run(ask())
    with (
        connect_redis(settings) as client,
        pytest.raises(RedisFailed, match="no primary"),
        asking("answer", writes=False, health=RedisHealth()),
    ):
        client.ping()
