"""Whoever uses Redis learns why it does not do what it is asked: a Redis that answers is not a Redis that works."""

from __future__ import annotations

import pytest
import redis
from redis_servers import Server, ended

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.redis_keys import RedisKeys
from fedsecure.demo.programs.services import describe_redis
from fl_coordinator.gate.device_view import read_devices
from fl_coordinator.rounds.lease import Lease
from fl_device.host.presence import Presence
from transport.blobs.store import RedisBlobStore
from transport.device_status_reader import RedisDeviceStatusReader
from transport.redis.failures import RedisFailed
from transport.redis_client import connect_redis

KEYS = RedisKeys("t")
HOSTS: dict[redis.Redis, Presence] = {}


def end_or_begin(client: redis.Redis) -> None:
    """Mark a device, or take the mark off again: without one that is its own a host writes nothing at its end."""
    if client in HOSTS:
        HOSTS[client].end(["a"])
    else:
        HOSTS[client] = Presence(client, KEYS, 600.0)
        HOSTS[client].renew(["a"])


WRITERS = {
    "the coordinator's lease": lambda client: Lease(client, KEYS, 10.0).check(),
    "an update's weights": lambda client: RedisBlobStore(client).put(KEYS.update_blob("a", "s"), b"weights"),
    "the host's presence": lambda client: Presence(client, KEYS, 10.0).renew(["a", "b"]),
    "the host's end": end_or_begin,
}
READERS = {
    "the console and the gate": lambda client: RedisDeviceStatusReader(client, KEYS).known_devices(),
    "the gate's statuses": lambda client: RedisDeviceStatusReader(client, KEYS).statuses(["a"]),
    "the gate's presence": lambda client: RedisDeviceStatusReader(client, KEYS).present(["a"]),
    "fedsecure status": lambda client: read_devices(client, KEYS, now=0.0, cap_s=1.0),
    "a host's model": lambda client: RedisBlobStore(client).get(KEYS.global_blob(sha256_of(b"x")), sha256_of(b"x")),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ended([Server(tmp_path_factory.mktemp("redis")).start()]) as (running,):
        yield running


@pytest.fixture
def client(server):
    with server.client() as admin, connect_redis(Settings(redis_url=server.url)) as client:
        admin.set(KEYS.global_blob(sha256_of(b"x")), b"x")
        yield client
        admin.config_set("min-replicas-to-write", 0)
        admin.config_set("replica-serve-stale-data", "yes")
        admin.execute_command("REPLICAOF", "NO", "ONE")
        admin.execute_command("ACL", "SETUSER", "default", "+@all")


@pytest.mark.parametrize("use", WRITERS.values(), ids=WRITERS)
def test_a_writer_is_told_that_writes_are_refused(client, server, use):
    use(client)
    with server.client() as admin:
        admin.config_set("min-replicas-to-write", 1)
        if use is WRITERS["the host's end"]:
            admin.replicaof("127.0.0.1", 1)  # a deletion needs no replicas
        with pytest.raises(RedisFailed, match=r"^Redis does not .*: it (has too few replicas|is a replica)"):
            use(client)


@pytest.mark.parametrize("use", READERS.values(), ids=READERS)
def test_a_reader_is_told_that_it_may_not_or_that_nothing_current_is_there(client, server, use):
    use(client)
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "default", "-@read")
        with pytest.raises(RedisFailed, match="does not allow this"):
            use(client)
        admin.execute_command("ACL", "SETUSER", "default", "+@all")
        admin.config_set("replica-serve-stale-data", "no")
        admin.replicaof("127.0.0.1", 1)
        with pytest.raises(RedisFailed, match="is a replica"):
            use(client)


def test_the_demo_is_told_too(server):
    with pytest.raises(RedisFailed, match="say what it is: it does not take the user and password"):
        describe_redis(Settings(redis_url=server.url.replace("//", "//nobody:wrong@")))
