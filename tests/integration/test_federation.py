"""Rounds through the real Kafka and Redis, with hand-written devices that answer (or misbehave) in numpy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.dead_letters import HEADER_REASON
from contracts.federation import (
    FlEvent,
    ModelUpdate,
    RoundPhase,
    RoundRecord,
    decode_federation,
    encode_federation,
)
from contracts.settings import Settings
from contracts.verdicts import DeviceState, DeviceStatus, encode_verdict
from fl_coordinator.errors import Fenced
from fl_coordinator.history import read_history
from fl_coordinator.program import CoordinatorProgram
from fl_coordinator.registry import model_of
from transport.blob_store import RedisBlobStore, sha256_of
from transport.publisher import Publisher
from transport.redis_client import connect_redis
from transport.topic_admin import ensure_topics
from transport.topic_reader import TopicReader
from transport.weights import encode_weights

pytestmark = pytest.mark.integration

INITIAL = {"w": np.zeros(3, np.float32)}
Answer = Callable[["Device", RoundRecord], Awaitable[None]]


def set_status(settings: Settings, device_id: str, *, raw: bytes | None = None, **changes) -> None:
    """Write what a worker would have written of a device (by default benign and fresh) into Redis."""
    status = DeviceStatus(
        device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, state=DeviceState.BENIGN,
        reason="", state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0, scores={},
        flagged=False, flagged_share=0.0, received_at=time.time(), batch_interval_s=1.0, finished=False,
        bundle_sha="b", worker_id="w", minutes=1000, windows=900, flagged_windows=1,
    )  # fmt: skip
    status = replace(status, **changes)
    with connect_redis(settings) as redis:
        redis.hset(settings.redis_keys.device(device_id), "status", encode_verdict(status) if raw is None else raw)
        redis.zadd(settings.redis_keys.devices_last_seen, {device_id: status.received_at})


@dataclass
class Device:
    """A participant by hand: answers each invitation with `weights` everywhere and `samples` samples."""

    settings: Settings
    device_id: str
    value: float
    samples: int = 10
    answered: list[RoundRecord] = field(default_factory=list)

    async def send(self, record: RoundRecord, *, blob: bytes | None = None, sha256: str = "", **changes) -> None:
        if blob is None:
            blob = encode_weights({"w": np.full(3, self.value, np.float32)})
        sha256 = sha256 or sha256_of(blob)
        with connect_redis(self.settings) as redis:
            RedisBlobStore(redis).put(self.settings.redis_keys.update_blob(self.device_id, sha256), blob)
        update = ModelUpdate(
            device_id=self.device_id, round=record.round, lease_token=record.lease_token,
            base_sha256=record.model_sha256, update_sha256=sha256, sample_count=self.samples, loss_before=2.0,
            loss_after=self.value, train_s=0.1, sent_at=time.time(),
        )  # fmt: skip
        await self.send_raw(encode_federation(replace(update, **changes)))

    async def send_raw(self, value: bytes) -> None:
        async with Publisher(self.settings) as publisher:
            await publisher.send(self.settings.topics.fl_updates(self.device_id), "1", value)


async def honestly(device: Device, record: RoundRecord) -> None:
    await device.send(record)


@asynccontextmanager
async def taking_part(devices: list[Device], answers: dict[str, Answer] | None = None):
    """Devices that stand benign and follow `fl.rounds` meanwhile, each answering in its own way (default: honestly)."""
    settings = devices[0].settings
    ensure_topics(settings, [settings.topics.fl_updates_spec(device.device_id) for device in devices])
    async with TopicReader(settings) as reader:
        await reader.add_existing([settings.topics.fl_updates(device.device_id) for device in devices], start="latest")
    for device in devices:
        set_status(settings, device.device_id)

    async def follow() -> None:
        async with TopicReader(settings) as reader:
            await reader.add_existing([settings.topics.fl_rounds], start="latest")
            listening.set()
            while not done.is_set():
                for message in await reader.poll(0.1):
                    record = decode_federation(RoundRecord, message.value)
                    for device in devices:
                        if record.phase is RoundPhase.COLLECTING and device.device_id in record.cohort:
                            device.answered.append(record)
                            await (answers or {}).get(device.device_id, honestly)(device, record)

    listening, done = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(follow())
    await listening.wait()
    try:
        yield
    finally:
        done.set()
        await task


async def run_rounds(settings: Settings, rounds: int = 1, **changes) -> dict[int, RoundRecord]:
    """Run a coordinator for some rounds and return all that is on record then."""
    quick = {"round_quorum": 2, "round_interval_s": 0.3, "round_deadline_s": 4.0} | changes
    program = CoordinatorProgram(settings.model_copy(update=quick), lambda: INITIAL, rounds_limit=rounds)
    await program.run(asyncio.Event())
    return (await read_history(settings)).rounds


async def records_of(settings: Settings, topic: str) -> list:
    async with TopicReader(settings) as reader:
        await reader.add_existing([topic], start="earliest")
        return await reader.read_to_end()


async def events_of(settings: Settings) -> list[FlEvent]:
    return [decode_federation(FlEvent, item.value) for item in await records_of(settings, settings.topics.fl_events)]


async def test_only_devices_that_stand_benign_and_fresh_train_and_the_others_are_named_with_their_reason(settings):
    devices = [Device(settings, "a", 1.0, samples=10), Device(settings, "b", 4.0, samples=30)]
    async with taking_part(devices):
        set_status(settings, "flagged", state=DeviceState.QUARANTINED)
        set_status(settings, "new", state=DeviceState.ENROLLING)
        set_status(settings, "silent", received_at=time.time() - 3600)
        set_status(settings, "garbled", raw=b"{")
        set_status(settings, "liar", raw=b'{"state": "benign"}')
        set_status(settings, "absent")
        record = (await run_rounds(settings))[1]
    assert record.cohort == record.accepted == ["a", "b"]
    assert record.excluded == {
        "flagged": "quarantined", "new": "enrolling", "silent": "stale", "garbled": "unknown", "liar": "unknown",
        "absent": "not_participating",
    }  # fmt: skip
    assert record.phase is RoundPhase.COMMITTED
    assert record.loss == pytest.approx((1.0 * 10 + 4.0 * 30) / 40)
    expected = model_of({"w": np.full(3, 3.25, np.float32)}, 1)
    assert record.new_model_sha256 == expected.sha256
    models = (await read_history(settings)).models
    assert models[expected.sha256].weights == expected.blob
    with connect_redis(settings) as redis:
        assert redis.hgetall(settings.redis_keys.current_model) == {b"sha256": expected.sha256.encode(), b"round": b"1"}
        assert redis.get(settings.redis_keys.global_blob(expected.sha256)) == expected.blob


async def test_a_device_flagged_while_the_round_runs_is_dropped_before_or_after_its_update_was_accepted(settings):
    async def is_flagged_then_answers(device: Device, record: RoundRecord) -> None:
        set_status(settings, device.device_id, state=DeviceState.QUARANTINED)
        await device.send(record)

    async def answers_after_another_was_flagged(device: Device, record: RoundRecord) -> None:
        await asyncio.sleep(1.0)
        set_status(settings, "b", state=DeviceState.SUSPECT)
        await device.send(record)

    devices = [Device(settings, name, value) for name, value in zip("abcd", (1.0, 50.0, 60.0, 3.0), strict=True)]
    async with taking_part(devices, {"c": is_flagged_then_answers, "d": answers_after_another_was_flagged}):
        record = (await run_rounds(settings))[1]
    assert record.cohort == ["a", "b", "c", "d"]
    assert record.excluded == {"b": "suspect", "c": "quarantined"}
    assert record.accepted == ["a", "d"]
    assert record.new_model_sha256 == model_of({"w": np.full(3, 2.0, np.float32)}, 1).sha256
    events = await events_of(settings)
    assert {"b", "c"} == {event.device_id for event in events if event.kind == "device_dropped"}
    assert "b" in {event.device_id for event in events if event.kind == "update_accepted"}


async def test_without_a_quorum_the_round_is_skipped_and_the_model_stays(settings):
    async with taking_part([Device(settings, "a", 1.0)]):
        first = (await run_rounds(settings))[1]
    set_status(settings, "a", state=DeviceState.QUARANTINED)
    second = (await run_rounds(settings))[2]
    for record in (first, second):
        assert (record.phase, record.reason, record.new_model_sha256) == (RoundPhase.SKIPPED, "no_quorum", None)
        assert record.model_sha256 == model_of(INITIAL, 0).sha256
    assert [event.kind for event in await events_of(settings)].count("round_skipped") == 2


async def test_a_device_that_does_not_answer_or_has_no_data_is_left_out(settings):
    async def says_nothing(device: Device, record: RoundRecord) -> None:
        pass

    devices = [Device(settings, "a", 1.0), Device(settings, "b", 3.0), Device(settings, "c", 9.0, samples=0)]
    async with taking_part([*devices, Device(settings, "d", 9.0)], {"d": says_nothing}):
        record = (await run_rounds(settings, round_deadline_s=1.5))[1]
    assert record.phase is RoundPhase.COMMITTED
    assert record.accepted == ["a", "b"]
    assert record.excluded == {"c": "no_data", "d": "no_answer"}


async def test_updates_that_break_the_rules_are_refused_counted_and_set_aside(settings):
    wrong_shape = encode_weights({"w": np.zeros(4, np.float32)})
    not_finite = encode_weights({"w": np.array([0, np.nan, 0], np.float32)})

    async def misbehaves(device: Device, record: RoundRecord) -> None:
        await device.send_raw(b"not json")
        await device.send(record, device_id="b")
        await device.send(record, round=record.round + 1)
        await device.send(record, lease_token=record.lease_token - 1)
        await device.send(record, base_sha256="0" * 64)
        await device.send(record, blob=b"garbage")
        await device.send(record, sha256="1" * 64)
        await device.send(record, blob=wrong_shape)
        await device.send(record, blob=not_finite)

    async def answers_twice(device: Device, record: RoundRecord) -> None:
        await device.send(record)
        await device.send(record, sample_count=1_000_000)
        await asyncio.sleep(0.5)

    devices = [Device(settings, name, value) for name, value in zip("abc", (1.0, 3.0, 9.0), strict=True)]
    async with taking_part(devices, {"a": answers_twice, "c": misbehaves}):
        record = (await run_rounds(settings))[1]
    assert record.phase is RoundPhase.COMMITTED
    assert record.accepted == ["a", "b"]
    assert record.excluded == {"c": "bad_update"}
    assert record.new_model_sha256 == model_of({"w": np.full(3, 2.0, np.float32)}, 1).sha256
    refused = [event.reason for event in await events_of(settings) if event.kind == "update_refused"]
    assert sorted(refused) == sorted(
        [
            "duplicate",
            "wrong_device",
            "wrong_round",
            "wrong_lease",
            "wrong_base",
            *["bad_message"] * 3,
            *["bad_weights"] * 2,
        ]
    )
    letters = await records_of(settings, settings.topics.dead_letters)
    assert len(letters) == 7
    assert {dict(letter.headers)[HEADER_REASON] for letter in letters} == {b"bad_update"}


async def test_the_claimed_sample_count_is_capped(settings):
    devices = [Device(settings, "a", 1.0, samples=10), Device(settings, "b", 3.0, samples=1_000_000)]
    async with taking_part(devices):
        record = (await run_rounds(settings, local_max_windows=10))[1]
    assert record.new_model_sha256 == model_of({"w": np.full(3, 2.0, np.float32)}, 1).sha256


async def test_rounds_go_on_from_the_last_model_and_a_restarted_coordinator_from_where_the_record_ends(settings):
    devices = [Device(settings, "a", 1.0), Device(settings, "b", 3.0)]
    async with taking_part(devices):
        await run_rounds(settings, 2)
        with connect_redis(settings) as redis:
            for key in redis.scan_iter(match=f"{settings.prefix}:*fl:*"):
                redis.delete(key)
        rounds = await run_rounds(settings)
    assert sorted(rounds) == [1, 2, 3]
    assert rounds[2].model_sha256 == rounds[1].new_model_sha256
    assert rounds[3].model_sha256 == rounds[2].new_model_sha256
    assert rounds[3].lease_token > rounds[2].lease_token
    assert [record.model_sha256 for record in devices[0].answered] == [rounds[n].model_sha256 for n in (1, 2, 3)]


async def test_an_older_coordinator_stops_when_a_newer_one_holds_the_lease(settings):
    older = CoordinatorProgram(settings.model_copy(update={"round_interval_s": 0.2}), lambda: INITIAL)
    task = asyncio.create_task(older.run(asyncio.Event()))
    while older.not_ready_because():
        await asyncio.sleep(0.05)
    await run_rounds(settings)
    with pytest.raises(Fenced, match="another coordinator took over"):
        await asyncio.wait_for(task, 10)


async def test_while_redis_is_down_rounds_are_skipped_and_go_on_when_it_is_back(settings, own_stack):
    devices = [Device(settings, "a", 1.0), Device(settings, "b", 3.0)]
    stop = asyncio.Event()
    quick = {"round_quorum": 2, "round_interval_s": 0.3, "round_deadline_s": 4.0}
    program = CoordinatorProgram(settings.model_copy(update=quick), lambda: INITIAL)

    async def until_a_round_is(phase: RoundPhase, reason: str, after: int) -> RoundRecord:
        while True:
            for record in (await read_history(settings)).rounds.values():
                if record.round > after and (record.phase, record.reason) == (phase, reason):
                    return record
            await asyncio.sleep(0.3)

    async with asyncio.timeout(60), taking_part(devices):
        task = asyncio.create_task(program.run(stop))
        first = await until_a_round_is(RoundPhase.COMMITTED, "", 0)
        await asyncio.to_thread(own_stack.kill_redis)
        skipped = await until_a_round_is(RoundPhase.SKIPPED, "redis_unavailable", first.round)
        assert skipped.cohort == skipped.accepted == []
        await asyncio.to_thread(own_stack.start_redis)
        for device in devices:
            set_status(settings, device.device_id)
        after = await until_a_round_is(RoundPhase.COMMITTED, "", skipped.round)
        stop.set()
        await task
    assert after.accepted == ["a", "b"]
