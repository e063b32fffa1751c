"""A global model that is taken back, through the real Kafka and Redis: once, by whom and why, whatever restarts."""

from __future__ import annotations

import asyncio
import time
from itertools import count

import pytest
from hosting import hosting, until_present
from plain_detector import plain_bundle
from small_ward import DEVICES, send_all_vitals

from contracts.messages.federation import ModelRollback, RoundPhase, encode_federation
from fedsecure.commands.models import _restorable, _roll_back
from fl_coordinator import program
from fl_coordinator.errors import Fenced
from fl_coordinator.models.registry import model_of
from fl_coordinator.program import CoordinatorProgram
from fl_coordinator.rounds.lease import Lease
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


async def request(bench, sha256: str, name: str = "r1") -> None:
    asked = ModelRollback(
        request=name, sha256=sha256, reason="a broken gateway", by="a person", requested_at=time.time()
    )
    async with Publisher(bench.settings) as publisher:
        await publisher.send(bench.settings.topics.fl_rollbacks, name, encode_federation(asked))


async def test_the_command_takes_the_model_back_while_rounds_run_and_devices_train_from_it(bench):
    stop = asyncio.Event()
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with asyncio.timeout(60), bench.taking_part(*devices):
        running = asyncio.create_task(bench.coordinator().run(stop))
        first = await bench.until_round(RoundPhase.COMMITTED)
        line = await _restorable(bench.settings, first.model_sha256[:10])
        number = await _roll_back(bench.settings, line.sha256, "a broken gateway")
        after = await bench.until_round(RoundPhase.COMMITTED, after=number)
        stop.set()
        await running
    record = (await bench.rounds())[number]
    assert (record.phase, record.reason) == (RoundPhase.ROLLED_BACK, "a broken gateway")
    assert (record.model_sha256, record.new_model_sha256) == (bench.model(2.0).sha256, bench.model(0.0).sha256)
    assert after.model_sha256 == bench.model(0.0).sha256
    assert {one.round: one.model_sha256 for one in devices[0].invitations}[after.round] == bench.model(0.0).sha256
    (event,) = await bench.events("model_rolled_back")
    assert (event.round, event.reason, event.detail["by"]) == (number, "a broken gateway", record.by)
    assert event.detail["requested_at"] <= event.at


async def test_a_request_made_while_no_coordinator_ran_is_carried_out_once_whatever_restarts(bench):
    async with asyncio.timeout(60), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        await bench.run_rounds()
        await request(bench, bench.model(0.0).sha256)
        with connect_redis(bench.settings) as redis:
            for key in redis.scan_iter(match=f"{bench.settings.prefix}:*fl:*"):
                redis.delete(key)
        await bench.run_rounds()
        rounds = await bench.run_rounds()
    assert [one.phase for one in rounds.values()] == [
        RoundPhase.COMMITTED, RoundPhase.ROLLED_BACK, RoundPhase.COMMITTED, RoundPhase.COMMITTED,
    ]  # fmt: skip
    assert rounds[3].model_sha256 == bench.model(0.0).sha256
    assert rounds[4].model_sha256 == rounds[3].new_model_sha256


# The records of a coordinator that finds a request: the round that carries it out, and its event.
@pytest.mark.parametrize("last", [1, 2])
async def test_a_coordinator_killed_while_it_takes_a_model_back_is_followed_by_one_that_does(bench, monkeypatch, last):
    async with asyncio.timeout(60), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        await bench.run_rounds()
        await request(bench, bench.model(0.0).sha256)
        numbers = count(1)

        class Killed(BaseException):
            pass

        class Mortal(Publisher):
            async def send(self, *arguments, **named) -> None:
                if next(numbers) >= last:
                    raise Killed
                await super().send(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(program, "Publisher", Mortal)
            patch.setattr(Lease, "release", lambda self: None)
            with pytest.raises(Killed):
                await bench.coordinator(1, coordinator_lease_s=0.3).run(asyncio.Event())
        rounds = await bench.run_rounds(coordinator_lease_s=0.3)
    assert [one.phase for one in rounds.values()] == [
        RoundPhase.COMMITTED, RoundPhase.ROLLED_BACK, RoundPhase.COMMITTED,
    ]  # fmt: skip
    assert rounds[3].model_sha256 == bench.model(0.0).sha256


async def test_a_coordinator_that_was_replaced_takes_nothing_back(bench):
    running = asyncio.create_task(
        bench.coordinator(round_interval_s=5.0, coordinator_lease_s=60.0).run(asyncio.Event())
    )
    await bench.until_round(RoundPhase.SKIPPED, "no_quorum")
    with connect_redis(bench.settings) as redis:
        redis.incr(bench.settings.redis_keys.coordinator_lease)
    await request(bench, bench.model(0.0).sha256)
    with pytest.raises(Fenced, match="another coordinator took over"):
        await asyncio.wait_for(running, 30)
    assert RoundPhase.ROLLED_BACK not in {one.phase for one in (await bench.rounds()).values()}


async def test_a_model_whose_weights_are_gone_by_then_is_not_put_in_force_and_the_record_says_so(bench):
    async with asyncio.timeout(60), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        await bench.run_rounds()
        await request(bench, "f" * 64)
        rounds = await bench.run_rounds()
    assert (rounds[2].phase, rounds[2].request, rounds[2].new_model_sha256) == (RoundPhase.FAILED, "r1", None)
    assert rounds[3].model_sha256 == rounds[1].new_model_sha256


async def test_hosted_devices_follow_a_model_that_was_taken_back_also_after_their_restart(federation, bench):
    settings = federation.model_copy(update={"round_interval_s": 0.1})
    initial = plain_bundle(0).parameters.network
    root = model_of(initial, 0).sha256
    await send_all_vitals(settings, {device_id: seed for seed, device_id in enumerate(DEVICES)})

    async def rounds(limit: int) -> None:
        await until_present(settings, DEVICES)
        for device_id in DEVICES:
            bench.set_status(device_id)
        await CoordinatorProgram(settings, lambda: initial, rounds_limit=limit).run(asyncio.Event())

    async with asyncio.timeout(120):
        async with hosting(settings):
            await rounds(2)
            await request(bench, root)
            await rounds(1)
        async with hosting(settings):
            await rounds(1)
    one, two, back, after, last = (await bench.rounds()).values()
    assert {record.phase for record in (one, two, after, last)} == {RoundPhase.COMMITTED}
    assert (two.model_sha256, back.new_model_sha256) == (one.new_model_sha256, root)
    assert (after.model_sha256, last.model_sha256) == (root, after.new_model_sha256)
    assert after.accepted == last.accepted == list(DEVICES)
