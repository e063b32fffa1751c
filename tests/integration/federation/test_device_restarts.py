"""A device host that dies, restarts, leaves, or has a wrong clock, with the real Kafka and Redis."""

from __future__ import annotations

import asyncio
import time

import pytest
from hosting import hosting, until_present
from plain_detector import plain_bundle
from rounds_on_record import committed, history_of
from small_ward import PACK, send_vitals

from contracts.content_hash import sha256_of
from contracts.messages.federation import (
    GlobalModel,
    ModelUpdate,
    RoundPhase,
    RoundRecord,
    decode_answer,
    decode_federation,
    encode_federation,
)
from fl_coordinator.program import CoordinatorProgram
from transport.blobs.weights import encode_weights
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


async def answers_of(bench, device_id: str) -> list[bytes]:
    """The updates, without what the device measured."""
    values = [record.value for record in await bench.records(bench.settings.topics.fl_updates(device_id))]
    return [value for value in values if isinstance(decode_answer(value), ModelUpdate)]


async def test_a_host_whose_clock_is_hours_ahead_takes_part_in_every_round(federation, bench):
    settings = federation.model_copy(update={"round_quorum": 1, "aggregation": "fedavg"})
    bundle = plain_bundle(0)
    await send_vitals(settings, "p1", seed=3)
    async with asyncio.timeout(90), hosting(settings, clock_off_s=3 * 3600.0):
        await until_benign(bench, "p1")
        coordinator = CoordinatorProgram(settings, lambda: bundle.parameters.network, rounds_limit=2)
        await coordinator.run(asyncio.Event())
    assert [(one.phase, one.accepted) for one in (await bench.rounds()).values()] == [
        (RoundPhase.COMMITTED, ["p1"])
    ] * 2


async def test_a_restarted_host_answers_no_round_twice_and_one_that_leaves_is_not_waited_for(federation, bench):
    settings = federation.model_copy(
        update={"round_quorum": 2, "aggregation": "fedavg", "round_deadline_s": 60.0, "round_interval_s": 0.3}
    )
    bundle = plain_bundle(0)
    restarted = asyncio.Event()

    async def once_the_host_is_back(device, record) -> None:
        await restarted.wait()
        await device.send(record, blob=encode_weights(bundle.parameters.network))

    await send_vitals(settings, "p1", seed=3)
    coordinator = CoordinatorProgram(settings, lambda: bundle.parameters.network, rounds_limit=1)
    answers = {"hand": once_the_host_is_back}
    async with asyncio.timeout(120), bench.taking_part(bench.device("hand", 1.0), answers=answers):
        async with hosting(settings):
            await until_benign(bench, "p1")
            running = asyncio.create_task(coordinator.run(asyncio.Event()))
            while not (sent := await answers_of(bench, "p1")):
                await asyncio.sleep(0.1)
        with connect_redis(settings) as redis:
            assert not redis.exists(settings.redis_keys.presence("p1"))
        await send_vitals(settings, "p1", seed=3, recorded_min=2 * PACK)  # it would train differently now
        async with hosting(settings):
            await until_benign(bench, "p1")
            restarted.set()
            await running
        assert await answers_of(bench, "p1") == sent
    record = (await bench.rounds())[1]
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["hand", "p1"])


async def test_a_restarted_host_knows_an_answer_that_no_coordinator_has_taken_yet(federation, bench):
    """There is no coordinator here: the round on record never says that the answer was accepted."""
    blob = encode_weights(plain_bundle(0).parameters.network)
    model = GlobalModel(
        sha256=sha256_of(blob), parent_sha256=None, round=0, task="reconstruction", published_at=time.time(), weights=blob
    )  # fmt: skip

    async def invite(number: int) -> None:
        now = time.time()
        record = RoundRecord(
            round=number, phase=RoundPhase.COLLECTING, task="reconstruction", lease_token=1, model_sha256=model.sha256,
            gated_at=now, deadline_at=now + 300, cohort=["p1"], excluded={}, accepted=[],
        )  # fmt: skip
        await publisher.send(federation.topics.fl_rounds, str(number), encode_federation(record))

    async def rounds_answered_by_p1() -> list[int]:
        return [decode_federation(ModelUpdate, value).round for value in await answers_of(bench, "p1")]

    await send_vitals(federation, "p1", seed=3)
    async with asyncio.timeout(150), Publisher(federation) as publisher:
        await publisher.send(federation.topics.models, model.sha256, encode_federation(model))
        async with hosting(federation):
            await until_benign(bench, "p1")
            await invite(1)
            while await rounds_answered_by_p1() != [1]:
                await asyncio.sleep(0.1)
        async with hosting(federation):
            await until_benign(bench, "p1")
            await asyncio.sleep(3.0)  # in which it would answer the open round again
            await invite(2)
            while 2 not in await rounds_answered_by_p1():
                await asyncio.sleep(0.1)
    assert await rounds_answered_by_p1() == [1, 2]


async def until_benign(bench, device_id: str) -> None:
    """Wait until a host says that it runs the device, and let it stand benign."""
    await until_present(bench.settings, [device_id])
    bench.set_status(device_id)


def test_a_host_killed_while_it_trains_answers_the_open_round_after_its_restart(federation, bench, spawn, wait_until):
    settings = federation.model_copy(
        update={
            "round_quorum": 1, "aggregation": "fedavg", "round_deadline_s": 90.0, "local_epochs": 200,
            "model_tolerance": 1.0,  # so long a training on so few windows makes a worse model
        }
    )  # fmt: skip
    asyncio.run(send_vitals(settings, "p1", seed=3))
    host = spawn("device", "--all", settings=settings)
    wait_until(lambda: "devices_hosted" in host.log, 90, "the device is hosted")
    bench.set_status("p1")
    coordinator = spawn("coordinator", settings=settings)
    wait_until(
        lambda: "cohort=['p1']" in coordinator.log or '"cohort": ["p1"]' in coordinator.log, 30, "a round is open"
    )
    host.kill()
    killed_in = history_of(settings).last_round
    assert asyncio.run(answers_of(bench, "p1")) == []
    spawn("device", "--all", settings=settings)
    record = wait_until(lambda: committed(settings), 90, "the round is committed")[0]
    assert (record.round, record.accepted) == (killed_in, ["p1"])
    assert len(asyncio.run(answers_of(bench, "p1"))) >= 1
