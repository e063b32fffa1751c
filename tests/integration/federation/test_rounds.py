"""Who is in a round and what becomes of each update, through the real Kafka and Redis."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from contracts.messages.dead_letters import HEADER_REASON
from contracts.messages.federation import RoundPhase
from contracts.messages.verdicts import DeviceState
from transport.blobs.weights import encode_weights
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


async def says_nothing(device, record) -> None:
    pass


async def test_only_devices_that_stand_benign_and_fresh_train_and_the_others_are_named_with_their_reason(bench):
    async with bench.taking_part(bench.device("a", 1.0, samples=10), bench.device("b", 4.0, samples=30)):
        bench.set_status("flagged", state=DeviceState.QUARANTINED)
        bench.set_status("new", state=DeviceState.ENROLLING)
        bench.set_status("silent", received_at=time.time() - 3600)
        bench.set_status("garbled", raw=b"{")
        bench.set_status("liar", raw=b'{"state": "benign"}')
        bench.set_status("absent")
        record = (await bench.run_rounds())[1]
    assert record.cohort == record.accepted == ["a", "b"]
    assert record.excluded == {
        "flagged": "quarantined", "new": "enrolling", "silent": "stale", "garbled": "unknown", "liar": "unknown",
        "absent": "not_participating",
    }  # fmt: skip
    assert record.phase is RoundPhase.COMMITTED
    assert record.loss == pytest.approx((1.0 * 10 + 4.0 * 30) / 40)


async def test_the_new_model_stands_in_kafka_and_redis_under_its_content_hash(bench):
    async with bench.taking_part(bench.device("a", 1.0, samples=10), bench.device("b", 4.0, samples=30)):
        record = (await bench.run_rounds())[1]
    expected = bench.model(3.25)
    assert record.new_model_sha256 == expected.sha256
    assert (await bench.models())[expected.sha256].weights == expected.blob
    keys = bench.settings.redis_keys
    with connect_redis(bench.settings) as redis:
        assert redis.hgetall(keys.current_model) == {b"sha256": expected.sha256.encode(), b"round": b"1"}
        assert redis.get(keys.global_blob(expected.sha256)) == expected.blob


async def test_weights_may_travel_through_a_folder_instead_of_redis(bench, tmp_path):
    bench.settings = bench.settings.model_copy(update={"blob_dir": tmp_path / "blobs"})
    async with bench.taking_part(bench.device("a", 1.0, samples=10), bench.device("b", 4.0, samples=30)):
        record = (await bench.run_rounds())[1]
    expected = bench.model(3.25)
    assert (record.accepted, record.new_model_sha256) == (["a", "b"], expected.sha256)
    keys = bench.settings.redis_keys
    assert expected.blob in {path.read_bytes() for path in (tmp_path / "blobs").iterdir()}
    with connect_redis(bench.settings) as redis:
        assert not redis.exists(keys.global_blob(expected.sha256))


async def test_a_device_flagged_while_the_round_runs_is_dropped_before_or_after_its_update_was_accepted(bench):
    async def is_flagged_then_answers(device, record) -> None:
        bench.set_status(device.device_id, state=DeviceState.QUARANTINED)
        await device.send(record)

    async def answers_after_another_was_accepted_and_flagged(device, record) -> None:
        while "b" not in {event.device_id for event in await bench.events("update_accepted")}:
            await asyncio.sleep(0.1)
        bench.set_status("b", state=DeviceState.SUSPECT)
        await device.send(record)

    devices = [bench.device(name, value) for name, value in zip("abcd", (1.0, 50.0, 60.0, 3.0), strict=True)]
    answers = {"c": is_flagged_then_answers, "d": answers_after_another_was_accepted_and_flagged}
    async with bench.taking_part(*devices, answers=answers):
        record = (await bench.run_rounds())[1]
    assert record.cohort == ["a", "b", "c", "d"]
    assert record.excluded == {"b": "suspect", "c": "quarantined"}
    assert record.accepted == ["a", "d"]
    assert record.new_model_sha256 == bench.model(2.0).sha256
    assert {event.device_id for event in await bench.events("device_dropped")} == {"b", "c"}


async def test_without_a_quorum_the_round_is_skipped_and_the_model_stays(bench):
    async with bench.taking_part(bench.device("a", 1.0)):
        first = (await bench.run_rounds())[1]
    async with bench.taking_part(bench.device("a", 1.0), bench.device("b", 1.0), answers={"b": says_nothing}):
        second = (await bench.run_rounds(round_deadline_s=1.0))[2]
    assert (first.cohort, second.cohort) == (["a"], ["a", "b"])
    for record in (first, second):
        assert (record.phase, record.reason, record.new_model_sha256) == (RoundPhase.SKIPPED, "no_quorum", None)
        assert record.model_sha256 == bench.model(0.0).sha256
    assert [event.round for event in await bench.events("round_skipped")] == [1, 2]


async def test_a_device_that_does_not_answer_or_has_no_data_is_left_out(bench):
    devices = [bench.device("a", 1.0), bench.device("b", 3.0), bench.device("c", 9.0, samples=0)]
    async with bench.taking_part(*devices, bench.device("d", 9.0), answers={"d": says_nothing}):
        record = (await bench.run_rounds(round_deadline_s=5.0))[1]
    assert record.phase is RoundPhase.COMMITTED
    assert record.accepted == ["a", "b"]
    assert record.excluded == {"c": "no_data", "d": "no_answer"}


async def test_updates_that_break_the_rules_are_refused_counted_and_set_aside(bench):
    async def misbehaves(device, record) -> None:
        await device.send_raw(b"not json")
        await device.send(record, device_id="b")
        await device.send(record, round=record.round + 1)
        await device.send(record, lease_token=record.lease_token - 1)
        await device.send(record, base_sha256="0" * 64)
        await device.send(record, blob=b"garbage")
        await device.send(record, sha256="1" * 64)
        await device.send(record, blob=encode_weights({"w": np.zeros(4, np.float32)}))
        await device.send(record, blob=encode_weights({"w": np.float32([0, np.nan, 0])}))

    async def answers_twice(device, record) -> None:
        await device.send(record)
        await device.send(record)
        await device.send(record, blob=encode_weights({"w": np.full(3, 50, np.float32)}), sample_count=1_000_000)

    devices = [bench.device(name, value) for name, value in zip("abcd", (1.0, 3.0, 9.0, 2.0), strict=True)]
    async with bench.taking_part(*devices, answers={"a": answers_twice, "c": misbehaves}):
        record = (await bench.run_rounds(round_deadline_s=8.0))[1]
    assert record.phase is RoundPhase.COMMITTED
    assert record.accepted == ["a", "b", "d"]
    assert record.excluded == {"c": "bad_update"}
    assert record.new_model_sha256 == bench.model(2.0).sha256
    assert sorted(event.reason for event in await bench.events("update_refused")) == sorted(
        ["repeated", "duplicate", "wrong_device", "wrong_round", "wrong_lease", "wrong_base", *["bad_message"] * 3]
        + ["bad_weights"] * 2
    )
    letters = await bench.records(bench.settings.topics.dead_letters)
    assert [dict(letter.headers)[HEADER_REASON] for letter in letters] == [b"bad_update"] * 7
    assert letters[0].value == b"not json"


async def test_a_flood_of_bad_updates_is_cut_off_and_does_not_keep_the_others_out(bench):
    async def floods(device, record) -> None:
        for _ in range(30):
            await device.send_raw(b"not json")

    devices = [bench.device("a", 1.0), bench.device("b", 3.0), bench.device("c", 9.0)]
    async with bench.taking_part(*devices, answers={"a": floods}):
        record = (await bench.run_rounds(round_deadline_s=8.0))[1]
    assert record.accepted == ["b", "c"]
    assert 1 <= len(await bench.records(bench.settings.topics.dead_letters)) <= 10


async def test_the_claimed_sample_count_is_capped(bench):
    async with bench.taking_part(bench.device("a", 1.0, samples=10), bench.device("b", 3.0, samples=1_000_000)):
        record = (await bench.run_rounds(local_max_windows=10))[1]
    assert record.new_model_sha256 == bench.model(2.0).sha256
