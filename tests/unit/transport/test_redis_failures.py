"""Each way in which a Redis answers without doing what it is asked is known, whichever command meets it: real servers."""

from __future__ import annotations

import threading
import time
from os import urandom

import pytest
import redis
from redis_servers import PROGRAMS, Server, ended, free_port

from contracts.configuration.settings import Settings
from transport.redis.failures import FAILURES, RedisFailed, failure_of
from transport.redis.health import RedisHealth, asking
from transport.redis_client import connect_redis, connect_redis_async

SCRIPT = "redis.call('HMGET', KEYS[1], 'a') redis.call('HSET', KEYS[1], 'a', 1) return 1"
AS_BEFORE = {"maxmemory": 0, "min-replicas-to-write": 0, "replica-serve-stale-data": "yes", "save": ""}
WRITES = {
    "a write": lambda client: client.set("x", 1, ex=9, get=True),
    "a script": lambda client: client.eval(SCRIPT, 1, "k"),
    "a pipeline": lambda client: client.pipeline(transaction=False).get("x").set("x", 1).get("x").execute(),
}


@pytest.fixture(scope="module", params=PROGRAMS)
def server(request, tmp_path_factory):
    with ended([Server(tmp_path_factory.mktemp("redis"), PROGRAMS[request.param]).start()]) as (running,):
        yield running


@pytest.fixture
def admin(server):
    with server.client() as client:
        client.ping()
        yield client
        for name, value in AS_BEFORE.items():
            client.config_set(name, value)
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.execute_command("ACL", "SETUSER", "default", "+@all", "allkeys", "nopass")


@pytest.fixture
def client(server):
    with connect_redis(Settings(redis_url=server.url)) as client:
        client.set("x", 1)
        yield client


def reason_of(call, client) -> str:
    """Return why the call fails, or what it returns."""
    try:
        with asking("do it", writes=True, health=RedisHealth()):
            return f"worked: {call(client)}"
    except RedisFailed as error:
        return error.failure.reason


def reasons(client) -> set[str]:
    return {reason_of(write, client) for write in WRITES.values()}


def test_a_redis_that_is_full(admin, client):
    admin.config_set("maxmemory", 400_000)
    assert reasons(client) == {"full"}
    assert reason_of(lambda each: each.get("x"), client) == "worked: b'1'"


def test_a_replica(admin, client):
    admin.replicaof("127.0.0.1", 1)
    assert reasons(client) == {"read_only"}
    admin.config_set("replica-serve-stale-data", "no")
    assert reason_of(lambda each: each.get("x"), client) == "read_only"


def test_a_primary_without_its_replicas(admin, client):
    admin.config_set("min-replicas-to-write", 1)
    assert reasons(client) == {"no_replicas"}


def test_a_redis_that_cannot_save(server, admin, client, wait_until):
    (server.folder / "dump.rdb").mkdir()
    try:
        admin.config_set("save", "1 1")
        admin.bgsave()
        wait_until(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err", 10, "the save failed")
        assert reasons(client) == {"not_saving"}
    finally:
        (server.folder / "dump.rdb").rmdir()
        admin.config_set("save", "")


def test_a_user_who_may_not(admin, client):
    admin.execute_command("ACL", "SETUSER", "default", "-set", "-hset")
    assert reasons(client) == {"not_allowed"}
    admin.execute_command("ACL", "SETUSER", "default", "+@all", "resetkeys", "~other:*")
    assert reasons(client) == {"not_allowed"}


def test_a_password_that_is_missing_or_wrong(server, admin):
    admin.execute_command("ACL", "SETUSER", "default", "resetpass", ">secret")
    for url in (server.url, server.url.replace("//", "//:other@")):
        with connect_redis(Settings(redis_url=url)) as client:
            assert reasons(client) == {"no_login"}


def test_a_redis_that_is_busy_with_a_script(server, admin, client):
    admin.config_set("lua-time-limit", 50)

    def endless() -> None:
        with server.client() as another, pytest.raises(redis.ResponseError, match="killed"):
            another.eval("while true do end", 0)

    running = threading.Thread(target=endless)
    running.start()
    time.sleep(0.2)
    try:
        assert reasons(client) == {"busy"}
    finally:
        admin.script_kill()
        running.join()


def test_a_redis_that_is_still_loading(tmp_path):
    with ended([Server(tmp_path).start()]) as servers:
        with servers[0].client() as admin:
            admin.mset({f"k{number}": urandom(65536) for number in range(500)})
            admin.save()
        servers[0].end()
        servers[0].start("--key-load-delay", "4000")  # microseconds; it looks at clients after every 2 MB
        with connect_redis(Settings(redis_url=servers[0].url)) as client:
            assert reason_of(WRITES["a write"], client) == "loading"


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_cluster_is_said_to_be_none_of_ours(program, tmp_path):
    port = free_port(below=55_000)  # a cluster's nodes talk to each other on a port 10,000 higher
    with ended([Server(tmp_path, program, port).start("--cluster-enabled", "yes")]) as (node,):
        for url in (node.url, node.url.replace("/0", "/1")):
            with connect_redis(Settings(redis_url=url)) as client:
                assert reasons(client) == {"cluster"}
        with (
            connect_redis(Settings(redis_url=node.url)) as client,
            pytest.raises(RedisFailed, match="name one Redis, or S"),
            asking("take the blob", writes=True, health=RedisHealth()),
        ):
            client.set("x", 1)


async def test_the_asyncio_client_knows_them_too(server, admin):
    client = connect_redis_async(Settings(redis_url=server.url))
    await client.set("x", 1)
    admin.replicaof("127.0.0.1", 1)
    for write in WRITES.values():
        with pytest.raises(RedisFailed) as failed, asking("do it", writes=True, health=RedisHealth()):
            await write(client)
        assert failed.value.failure.reason == "read_only"
    await client.aclose()


def test_a_server_that_is_not_there(tmp_path):
    with connect_redis(Settings(redis_url=Server(tmp_path).url)) as client:
        assert reasons(client) == {"unreachable"}
        assert reason_of(lambda each: each.get("x"), client) == "unreachable"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MOVED 866 10.0.0.1:6379", "cluster"), ("ASK 866 10.0.0.1:6379", "cluster"), ("CROSSSLOT Keys in request", "cluster"),
        ("MASTERDOWN Link with MASTER is down", "read_only"), ("WRONGPASS invalid username-password pair", "no_login"),
        ("ERR Error running script (call to f_1): @user_script: 1: -LOADING Redis is loading", "loading"), ("WRONGTYPE Operation", "error"),
        ("ERR unknown command 'OOM'", "error"),
    ],
)  # fmt: skip
def test_what_a_test_can_hardly_bring_about_is_known_by_its_text(text, reason):
    assert failure_of(redis.connection._RESP2Parser.parse_error(text)).reason == reason


def test_a_loss_of_the_connection_while_an_answer_is_handled_is_a_loss():
    lost = redis.ConnectionError("connection refused")
    lost.__context__ = redis.exceptions.NoScriptError("No matching script")
    assert failure_of(lost).reason == "unreachable"
    lost.__context__ = redis.exceptions.ReadOnlyError("You can't write against a read only replica.")
    assert failure_of(lost).reason == "read_only"


def test_reasons_are_names_for_metrics_and_unlike_each_other():
    assert len({failure.reason for failure in FAILURES}) == len(FAILURES)
    assert all(failure.reason.replace("_", "").isalpha() for failure in FAILURES)
