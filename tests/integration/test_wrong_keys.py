"""Redis keys of a type that nobody of ours gives them: healed where they are written, nobody's where they are read.

The keys are read from the code, so that a new one must say here who heals it.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import redis

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.redis_keys import RedisKeys
from fl_coordinator.models.registry import GlobalModels, model_of
from fl_coordinator.rounds.lease import Lease
from fl_device.host.presence import Presence
from streams.publisher import DeviceResult
from streams.state.status_store import StatusStore
from transport.blobs.store import RedisBlobStore
from transport.claims import Claims
from transport.device_status_reader import RedisDeviceStatusReader
from transport.redis_client import connect_redis, connect_redis_async

pytestmark = pytest.mark.integration

BLOB = b"weights"
NAME = sha256_of(BLOB)
STATUS = DeviceStatus(
    device_id="a", epoch=3, applied_through=10, vitals_offset=1, session_id=1, state=DeviceState.BENIGN, reason="", state_since=0,
    enrolled=True, enrolment_share=1.0, score=0.1, threshold=1.0, scores={}, flagged=False, flagged_share=0.0, received_at=time.time(),
    batch_interval_s=60.0, finished=False, bundle_sha="b", worker_id="w", minutes=1, windows=1, flagged_windows=0,
)  # fmt: skip


def view(settings: Settings, client: redis.Redis) -> None:
    """A worker takes the device over and shows it."""

    async def show() -> None:
        store = StatusStore(connect_redis_async(settings), settings.redis_keys)
        assert await store.epochs(["a"]) in ({}, {"a": 3})
        (epoch,) = (await store.take_epochs({"a": 3})).values()
        assert epoch == 4
        spoilt = await store.write([DeviceResult(STATUS, epoch)])
        assert spoilt == set()
        await store.close()

    reader = RedisDeviceStatusReader(client, settings.redis_keys)
    assert reader.statuses(["a"]) in ({"a": None}, {"a": STATUS})  # of a wrong type: unknown, so not benign
    asyncio.run(show())
    assert reader.known_devices() == ["a"]
    assert reader.statuses(["a"])["a"] == STATUS


def mark(settings: Settings, client: redis.Redis) -> None:
    async def beat() -> None:
        store = StatusStore(connect_redis_async(settings), settings.redis_keys)
        store._mark_key = settings.redis_keys.written_mark("writer")
        for _ in range(2):
            await store.needs_rewrite()
        assert not store._is_away
        await store.close()

    asyncio.run(beat())
    assert client.type(settings.redis_keys.written_mark("writer")) == b"string"


def lease(settings: Settings, client: redis.Redis) -> None:
    one, other = Lease(client, settings.redis_keys, 60.0), Lease(client, settings.redis_keys, 60.0)
    assert one.take(7)
    assert one.token == 8
    assert not other.take(7)
    one.check()
    one.release()
    assert other.take(7)


def current_model(settings: Settings, client: redis.Redis) -> None:
    models = GlobalModels(settings, SimpleNamespace(), client, RedisBlobStore(client), time.time)  # type: ignore[arg-type]
    models.current = model_of({"w": np.zeros(3, np.float32)}, 5)
    models.show()
    assert client.hget(settings.redis_keys.current_model, "round") == b"5"


def blob(key: str) -> Callable[[Settings, redis.Redis], None]:
    def store(settings: Settings, client: redis.Redis) -> None:
        blobs = RedisBlobStore(client)
        with pytest.raises(InvalidMessage):  # no sign of a Redis that is away: the gate stays open for the others
            blobs.get(key.format(prefix=settings.prefix), NAME)
        blobs.put(key.format(prefix=settings.prefix), BLOB)
        assert blobs.get(key.format(prefix=settings.prefix), NAME) == BLOB

    return store


def presence(settings: Settings, client: redis.Redis) -> None:
    assert Presence(client, settings.redis_keys, 60.0).renew(["a"]) == set()
    assert RedisDeviceStatusReader(client, settings.redis_keys).present(["a"]) == {"a"}


def claim(key: str) -> Callable[[Settings, redis.Redis], None]:
    def hold(settings: Settings, client: redis.Redis) -> None:
        one, other = Claims(client, "worker"), Claims(client, "worker")
        name = key.format(prefix=settings.prefix)
        assert one.hold([name]) == []
        assert other.hold([name]) == [name]

    return hold


KINDS: dict[str, Callable[[redis.Redis, str], Any]] = {
    "string": lambda client, key: client.set(key, "no number"),
    "hash": lambda client, key: client.hset(key, "x", "y"),
    "list": lambda client, key: client.rpush(key, "x"),
    "set": lambda client, key: client.sadd(key, "x"),
    "zset": lambda client, key: client.zadd(key, {"x": 1}),
}
USERS: dict[str, tuple[str, Callable[[Settings, redis.Redis], None]]] = {
    "devices_last_seen": ("zset", view),
    "device": ("hash", view),
    "coordinator_lease": ("", lease),
    "coordinator_holder": ("string", lease),
    "current_model": ("hash", current_model),
    "global_blob": ("string", blob("{prefix}:blob:global:" + NAME)),
    "update_blob": ("string", blob("{prefix}:blob:up:a:" + NAME)),
    "presence": ("string", presence),
    "written_mark": ("string", mark),
    "worker": ("string", claim("{prefix}:devices:worker:group:w")),
    "replay": ("string", claim("{prefix}:devices:replay:a")),
}
"""Every key's own type (which it may hold: nothing is wrong then), and who uses it."""
ARGUMENTS = {"writer": "writer", "device_id": "a", "sha256": NAME, "group": "group", "worker_id": "w"}


def keys_of(keys: RedisKeys) -> dict[str, str]:
    """Every key there is, by the name of what makes it."""
    made = {name: value for name, value in vars(keys).items() if name != "prefix"}
    for name, method in inspect.getmembers(keys, inspect.ismethod):
        if not name.startswith("_"):
            made[name] = method(*(ARGUMENTS[parameter] for parameter in inspect.signature(method).parameters))
    return made


def test_every_key_has_its_user_here():
    assert keys_of(RedisKeys()).keys() == USERS.keys()


@pytest.mark.parametrize("name", USERS)
def test_a_key_of_another_type_is_healed_by_its_user_and_stops_nobody(settings: Settings, name: str):
    own_type, use = USERS[name]
    key = keys_of(settings.redis_keys)[name]
    with connect_redis(settings) as client:
        for kind, spoil in KINDS.items():
            if kind == own_type:
                continue
            client.delete(*keys_of(settings.redis_keys).values())
            spoil(client, key)
            use(settings, client)
