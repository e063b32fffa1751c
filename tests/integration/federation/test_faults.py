"""Coordinators that restart or are replaced, and services that die, with the real Kafka and Redis."""

from __future__ import annotations

import asyncio
import time

import pytest

from contracts.messages.federation import RoundPhase
from contracts.metrics import KAFKA_UP
from fl_coordinator.errors import Fenced
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


async def test_rounds_go_on_from_the_last_model_and_a_restarted_coordinator_from_where_the_record_ends(bench):
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with bench.taking_part(*devices):
        await bench.run_rounds(2)
        with connect_redis(bench.settings) as redis:
            for key in redis.scan_iter(match=f"{bench.settings.prefix}:*fl:*"):
                redis.delete(key)
        rounds = await bench.run_rounds()
    assert sorted(rounds) == [1, 2, 3]
    assert rounds[1].model_sha256 == bench.model(0.0).sha256
    assert rounds[2].model_sha256 == rounds[1].new_model_sha256
    assert rounds[3].model_sha256 == rounds[2].new_model_sha256
    assert rounds[3].lease_token > rounds[2].lease_token
    invited = {record.round: record.model_sha256 for record in devices[0].invitations}
    assert invited == {number: rounds[number].model_sha256 for number in (1, 2, 3)}


async def test_a_coordinator_that_is_replaced_while_it_collects_makes_no_model(bench):
    async def answers_after_the_takeover(device, record) -> None:
        with connect_redis(bench.settings) as redis:
            redis.incr(bench.settings.redis_keys.coordinator_lease)
        await device.send(record)

    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with bench.taking_part(*devices, answers={"b": answers_after_the_takeover}):
        with pytest.raises(Fenced, match="another coordinator took over"):
            await asyncio.wait_for(bench.run_rounds(), 30)
    assert (await bench.rounds())[1].phase is RoundPhase.COLLECTING
    assert list(await bench.models()) == [bench.model(0.0).sha256]


async def test_a_coordinator_that_is_stopped_while_it_collects_says_so_and_leaves_no_round_open(bench):
    async def tells(device, record) -> None:
        invited.set()

    invited, stop = asyncio.Event(), asyncio.Event()
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with bench.taking_part(*devices, answers={"a": tells, "b": tells}):
        running = asyncio.create_task(bench.coordinator().run(stop))
        await invited.wait()
        stop.set()
        await asyncio.wait_for(running, 10)
    record = (await bench.rounds())[1]
    assert (record.phase, record.reason) == (RoundPhase.FAILED, "coordinator_stopped")


async def test_while_redis_is_down_rounds_are_skipped_and_go_on_when_it_is_back(bench, own_stack):
    stop = asyncio.Event()
    async with asyncio.timeout(90), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        running = asyncio.create_task(bench.coordinator().run(stop))
        first = await bench.until_round(RoundPhase.COMMITTED)
        await asyncio.to_thread(own_stack.kill, "redis")
        cut_short = await bench.until_round(RoundPhase.SKIPPED, "redis_unavailable", after=first.round)
        skipped = await bench.until_round(RoundPhase.SKIPPED, "redis_unavailable", after=cut_short.round)
        await asyncio.to_thread(own_stack.start, "redis")
        bench.show("a", "b")
        after = await bench.until_round(RoundPhase.COMMITTED, after=skipped.round)
        stop.set()
        await running
    assert skipped.cohort == skipped.accepted == []
    assert cut_short.new_model_sha256 is skipped.new_model_sha256 is None
    assert after.accepted == ["a", "b"]


async def test_after_the_broker_was_killed_and_restarted_rounds_go_on_from_the_same_model(bench, own_stack):
    stop = asyncio.Event()
    async with asyncio.timeout(150), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0)):
        running = asyncio.create_task(bench.coordinator(round_deadline_s=3.0).run(stop))
        await bench.until_round(RoundPhase.COMMITTED)
        await asyncio.to_thread(own_stack.kill, "kafka")
        while KAFKA_UP._value.get() == 1:  # until a call has failed: some ten seconds
            await asyncio.sleep(0.2)
        await asyncio.to_thread(own_stack.start, "kafka")
        before = max((await bench.rounds()).values(), key=lambda record: record.round)
        bench.show("a", "b")
        after = await bench.until_round(RoundPhase.COMMITTED, after=before.round)
        stop.set()
        await running
    assert KAFKA_UP._value.get() == 1
    assert after.accepted == ["a", "b"]
    committed = [record for record in (await bench.rounds()).values() if record.phase is RoundPhase.COMMITTED]
    models = {bench.model(0.0).sha256} | {record.new_model_sha256 for record in committed}
    assert {record.model_sha256 for record in (await bench.rounds()).values()} <= models


async def test_redis_that_dies_in_the_middle_of_a_round_costs_that_round_alone(bench, own_stack):
    async def ends_redis_once(device, record) -> None:
        if record.round == 1:
            while not await bench.events("update_accepted"):
                await asyncio.sleep(0.1)
            await asyncio.to_thread(own_stack.kill, "redis")
        await device.send(record)

    stop = asyncio.Event()
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with asyncio.timeout(90), bench.taking_part(*devices, answers={"b": ends_redis_once}):
        running = asyncio.create_task(bench.coordinator(round_deadline_s=3.0).run(stop))
        while not (ended := [one for one in (await bench.rounds()).values() if one.reason]):
            await asyncio.sleep(0.2)
        await asyncio.to_thread(own_stack.start, "redis")
        bench.show("a", "b")
        after = await bench.until_round(RoundPhase.COMMITTED, after=ended[0].round)
        stop.set()
        await running
    assert (ended[0].round, ended[0].phase, ended[0].reason) == (1, RoundPhase.SKIPPED, "redis_unavailable")
    assert after.accepted == ["a", "b"]
    assert (after.model_sha256, after.new_model_sha256) == (bench.model(0.0).sha256, bench.model(2.0).sha256)


async def test_devices_come_and_go_between_rounds_without_a_restart_whatever_their_clocks_say(bench):
    async def from_tomorrow(device, record) -> None:
        await device.send(record, sent_at=record.deadline_at + 86_400)

    async def from_yesterday(device, record) -> None:
        await device.send(record, sent_at=record.gated_at - 86_400)

    stop = asyncio.Event()
    answers = {"a": from_tomorrow, "b": from_yesterday}
    async with asyncio.timeout(60), bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0), answers=answers):
        running = asyncio.create_task(bench.coordinator(round_deadline_s=5.0, discovery_interval_s=0.2).run(stop))
        first = await bench.until_round(RoundPhase.COMMITTED)
        async with bench.taking_part(bench.device("c", 5.0)):
            with connect_redis(bench.settings) as redis:
                redis.delete(bench.settings.redis_keys.presence("a"))
            while (changed := await bench.until_round(RoundPhase.COMMITTED, after=first.round)).cohort != ["b", "c"]:
                first = changed
        stop.set()
        await running
    assert changed.accepted == ["b", "c"]
    assert changed.excluded == {"a": "not_participating"}


async def test_a_status_that_a_worker_with_a_fast_clock_wrote_is_not_trusted(bench):
    async with bench.taking_part(bench.device("a", 1.0), bench.device("b", 3.0), bench.device("c", 9.0)):
        bench.set_status("c", received_at=time.time() + 3600)
        record = (await bench.run_rounds())[1]
    assert (record.accepted, record.excluded) == (["a", "b"], {"c": "from_the_future"})
