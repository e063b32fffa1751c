"""A coordinator that dies anywhere in a round, and the one that goes on: nothing accepted is trained again, no round is lost."""

from __future__ import annotations

import asyncio
import time
from itertools import count

import pytest
from plain_detector import plain_bundle

from contracts.messages.federation import RoundPhase
from detectors.bundle.bundle import save_bundle
from fl_coordinator import program
from fl_coordinator.errors import Fenced
from fl_coordinator.rounds.lease import Lease
from transport.blobs.weights import encode_weights
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration

LEASE_S = 0.3


class Killed(BaseException):
    """As sudden as SIGKILL: nothing of the coordinator runs after it."""


def dies_at(monkeypatch, last: int) -> None:
    """Make the next coordinator die as it is about to write its `last`-th record (from 1); its lease stays."""
    numbers = count(1)

    class Mortal(Publisher):
        async def send(self, *arguments, **named) -> None:
            if next(numbers) >= last:
                raise Killed
            await super().send(*arguments, **named)

    monkeypatch.setattr(program, "Publisher", Mortal)
    monkeypatch.setattr(Lease, "release", lambda self: None)


# Records of a first round with two devices: bundle's model, its event, proposal, gate's event, collecting, then for each
# answer its event and the round, aggregating, the candidate, validating, for each measurement its event and the round, closing with
# committed and its event.
@pytest.mark.parametrize("last", range(1, 19))
async def test_a_coordinator_killed_at_any_record_is_followed_by_one_that_ends_the_round(bench, monkeypatch, last):
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with asyncio.timeout(60), bench.taking_part(*devices):
        with monkeypatch.context() as patch:
            dies_at(patch, last)
            with pytest.raises(Killed):
                await bench.coordinator(1, coordinator_lease_s=LEASE_S).run(asyncio.Event())
        if (1 in (left := await bench.rounds())) and left[1].phase is RoundPhase.COMMITTED:
            assert left[1].new_model_sha256 == bench.model(2.0).sha256
            return
        rounds = await bench.run_rounds(coordinator_lease_s=LEASE_S)
    assert list(rounds) == [1]
    assert (rounds[1].phase, rounds[1].accepted) == (RoundPhase.COMMITTED, ["a", "b"])
    assert rounds[1].new_model_sha256 == bench.model(2.0).sha256
    assert list(await bench.models()) == [bench.model(0.0).sha256, bench.model(2.0).sha256]
    # Each device trained once: whoever is asked again is one whose answer never reached the broker.
    accepted = [event.device_id for event in await bench.events("update_accepted")]
    assert set(accepted) == {"a", "b"}
    for device in devices:
        assert len({(record.round, record.model_sha256) for record in device.invitations}) == 1
        assert len({record.candidate_sha256 for record in device.asked}) == 1
    assert set(rounds[1].measurements) == {"a", "b"}


async def test_an_answer_that_came_while_no_coordinator_ran_counts(bench, monkeypatch):
    async def later(device, record) -> None:
        await asyncio.sleep(1.0)
        await device.send(record)

    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with asyncio.timeout(60), bench.taking_part(*devices, answers={"b": later}):
        with monkeypatch.context() as patch:
            dies_at(patch, 8)  # the round with the first answer accepted is on record
            with pytest.raises(Killed):
                await bench.coordinator(1, coordinator_lease_s=LEASE_S).run(asyncio.Event())
        left = (await bench.rounds())[1]
        assert (left.phase, left.accepted) == (RoundPhase.COLLECTING, ["a"])
        await asyncio.sleep(1.5)
        answered = [len(device.invitations) for device in devices]
        record = (await bench.run_rounds(coordinator_lease_s=LEASE_S))[1]
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["a", "b"])
    assert record.lease_token > record.opened_with == left.lease_token
    assert answered == [2, 2]  # collecting, and again with the first answer on record


async def test_weights_that_are_gone_cost_the_device_its_place_and_not_the_round(bench, monkeypatch):
    devices = [bench.device("a", 1.0), bench.device("b", 3.0), bench.device("c", 5.0)]
    async with asyncio.timeout(60), bench.taking_part(*devices):
        with monkeypatch.context() as patch:
            dies_at(patch, 12)  # all have answered, the new model is not on record
            with pytest.raises(Killed):
                await bench.coordinator(1, coordinator_lease_s=LEASE_S).run(asyncio.Event())
        left = (await bench.rounds())[1]
        assert left.accepted == ["a", "b", "c"]
        with connect_redis(bench.settings) as redis:
            redis.delete(bench.settings.redis_keys.update_blob("c", left.updates["c"].update_sha256))
        record = (await bench.run_rounds(coordinator_lease_s=LEASE_S))[1]
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["a", "b"])
    assert record.excluded == {"c": "update_lost"}
    assert record.new_model_sha256 == bench.model(2.0).sha256


@pytest.mark.parametrize("last", [12, 16])  # before the updates are aggregated, and while the candidate is measured
async def test_a_device_flagged_while_no_coordinator_ran_is_out_of_the_resumed_round(bench, monkeypatch, last):
    devices = [bench.device("a", 1.0), bench.device("b", 3.0), bench.device("c", 50.0)]
    async with asyncio.timeout(60), bench.taking_part(*devices):
        with monkeypatch.context() as patch:
            dies_at(patch, last)
            with pytest.raises(Killed):
                await bench.coordinator(1, coordinator_lease_s=LEASE_S).run(asyncio.Event())
        bench.set_status("c", state="quarantined")
        record = (await bench.run_rounds(coordinator_lease_s=LEASE_S))[1]
    assert (record.accepted, record.excluded) == (["a", "b"], {"c": "quarantined"})
    assert record.new_model_sha256 == bench.model(2.0).sha256


async def test_a_second_coordinator_waits_until_the_first_stops(bench):
    first, second = bench.coordinator(coordinator_lease_s=30.0), bench.coordinator(coordinator_lease_s=30.0)
    stop, stop_second = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(60):
        running = asyncio.create_task(first.run(stop))
        while first.not_ready_because():
            await asyncio.sleep(0.05)
        waiting = asyncio.create_task(second.run(stop_second))
        while second.not_ready_because() != "another coordinator is active":
            await asyncio.sleep(0.05)
        await bench.until_round(RoundPhase.SKIPPED, "no_quorum", after=2)
        assert second.not_ready_because() == "another coordinator is active"
        stop.set()
        await running
        stopped_at = time.monotonic()
        while second.not_ready_because():
            await asyncio.sleep(0.05)
        took_s = time.monotonic() - stopped_at
        stop_second.set()
        await waiting
    assert took_s < 15  # half its lease: it was handed over
    tokens = {number: record.lease_token for number, record in (await bench.rounds()).items()}
    assert set(tokens.values()) <= {1, 2}


async def test_a_coordinator_whose_lease_ran_out_stops_when_it_meets_a_newer_one(bench):
    older = bench.coordinator(coordinator_lease_s=60.0)
    running = asyncio.create_task(older.run(asyncio.Event()))
    while older.not_ready_because():
        await asyncio.sleep(0.05)
    with connect_redis(bench.settings) as redis:
        # In one step, or the older one renews its lease before the newer one takes it.
        redis.pipeline().delete(bench.settings.redis_keys.coordinator_holder).incr(
            bench.settings.redis_keys.coordinator_lease
        ).execute()
    await bench.run_rounds()
    with pytest.raises(Fenced, match="another coordinator took over"):
        await asyncio.wait_for(running, 30)


async def test_a_killed_program_is_followed_within_its_lease_by_the_one_that_waits(bench, spawn, wait_until, tmp_path):
    bundle = plain_bundle(0)
    (tmp_path / "bundle").mkdir()
    save_bundle(bundle, tmp_path / "bundle")
    settings = bench.settings.model_copy(
        update={
            "bundle_dir": tmp_path / "bundle", "round_quorum": 2, "round_interval_s": 0.5, "round_deadline_s": 30.0,
            "coordinator_lease_s": 2.0, "aggregation": "fedavg",
        }
    )  # fmt: skip
    killed = asyncio.Event()

    async def as_it_was(device, record) -> None:
        await device.send(record, blob=encode_weights(bundle.parameters.network))

    async def once_it_is_killed(device, record) -> None:
        await killed.wait()
        await as_it_was(device, record)

    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    async with asyncio.timeout(120), bench.taking_part(*devices, answers={"a": as_it_was, "b": once_it_is_killed}):
        first = spawn("coordinator", settings=settings)
        await asyncio.to_thread(wait_until, lambda: "round_gated" in first.log, 60, "the first round is open")
        second = spawn("coordinator", settings=settings)
        await asyncio.to_thread(wait_until, lambda: "waiting_for_lease" in second.log, 60, "the second one waits")
        while "a" not in (await bench.rounds())[1].accepted:
            await asyncio.sleep(0.1)
        first.kill()
        killed.set()
        record = await bench.until_round(RoundPhase.COMMITTED)
    assert (record.round, record.accepted) == (1, ["a", "b"])
    assert (record.opened_with, record.lease_token) == (1, 2)
    assert "round_resumed" in second.log
