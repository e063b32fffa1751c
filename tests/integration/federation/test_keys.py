"""Signed updates through the real Kafka and Redis: who has no key, a wrong one or an old one adds nothing to the model."""

from __future__ import annotations

import asyncio

import pytest
from device_keys import device_key, private_key
from msgspec.structs import replace

from contracts.messages.dead_letters import HEADER_REASON
from contracts.messages.federation import RoundPhase, encode_federation
from fl_device.keys.folder import KeyFolder
from fl_device.keys.registration import open_registrar
from transport.kafka.publisher import Publisher
from transport.key_registry import read_registry

pytestmark = pytest.mark.integration


async def refusals(bench) -> list[tuple[str, str]]:
    return sorted((event.device_id, event.reason) for event in await bench.events("update_refused"))


async def test_a_device_without_a_registered_key_is_not_invited_and_joins_once_it_has_one(bench):
    devices = [bench.device(name, value) for name, value in zip("abc", (1.0, 3.0, 5.0), strict=True)]
    async with bench.taking_part(*devices):
        await bench.set_key(device_key("b", revoked_at=1.0))
        first = (await bench.run_rounds(round_quorum=1))[1]
        await bench.set_key(device_key("b", 1))
        devices[1].key = private_key("b", 1)
        second = (await bench.run_rounds())[2]
    assert (first.cohort, first.excluded) == (["a", "c"], {"b": "not_registered"})
    assert (second.cohort, second.accepted) == (["a", "b", "c"], ["a", "b", "c"])


async def test_forged_altered_and_borrowed_updates_are_refused_and_the_round_commits_with_the_honest_ones(bench):
    async def is_not_signed(device, record) -> None:
        await device.send(record, altered={"signature": ""})

    async def has_nobodys_key(device, record) -> None:
        await device.send(record)

    async def claims_more_samples(device, record) -> None:
        await device.send(record, altered={"sample_count": 200})

    async def has_the_key_of_another(device, record) -> None:
        await device.send(record, altered={"key_id": device_key("f").key_id})
        await device.send(record, device_id="a")

    devices = [bench.device(name, value) for name, value in zip("abcdef", (1.0, 3.0, 9.0, 9.0, 9.0, 9.0), strict=True)]
    devices[3].key, devices[5].key = private_key("nobody"), private_key("a")
    answers = {"c": is_not_signed, "d": has_nobodys_key, "e": claims_more_samples, "f": has_the_key_of_another}
    async with bench.taking_part(*devices, answers=answers):
        record = (await bench.run_rounds(round_deadline_s=6.0))[1]
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["a", "b"])
    assert record.excluded == dict.fromkeys("cdef", "bad_update")
    assert record.new_model_sha256 == bench.model(2.0).sha256
    assert await refusals(bench) == [
        ("c", "bad_signature"), ("d", "unknown_key"), ("e", "bad_signature"), ("f", "bad_signature"), ("f", "wrong_device"),
    ]  # fmt: skip
    letters = await bench.records(bench.settings.topics.dead_letters)
    assert [dict(letter.headers)[HEADER_REASON] for letter in letters] == [b"bad_update"] * 5


async def test_a_key_that_is_revoked_or_rotated_while_the_round_runs_counts_no_more_before_or_after_its_update(bench):
    async def accepted(device_id: str) -> None:
        while device_id not in {event.device_id for event in await bench.events("update_accepted")}:
            await asyncio.sleep(0.1)

    async def answers_after_it_was_revoked(device, record) -> None:
        await bench.set_key(device_key("c", revoked_at=1.0))
        await device.send(record)

    async def answers_with_the_old_key_after_a_rotation(device, record) -> None:
        await bench.set_key(device_key("d", 1))
        await device.send(record)

    async def answers_with_the_new_key_after_a_rotation(device, record) -> None:
        await bench.set_key(device_key("e", 1))
        device.key = private_key("e", 1)
        await device.send(record)

    async def answers_once_b_was_accepted_and_revoked(device, record) -> None:
        await accepted("b")
        await bench.set_key(device_key("b", revoked_at=1.0))
        await device.send(record)

    names = "abcdef"
    devices = [bench.device(name, value) for name, value in zip(names, (1.0, 9.0, 9.0, 9.0, 3.0, 5.0), strict=True)]
    answers = {
        "c": answers_after_it_was_revoked, "d": answers_with_the_old_key_after_a_rotation,
        "e": answers_with_the_new_key_after_a_rotation, "f": answers_once_b_was_accepted_and_revoked,
    }  # fmt: skip
    async with bench.taking_part(*devices, answers=answers):
        record = (await bench.run_rounds(round_deadline_s=10.0))[1]
    assert record.cohort == list(names)
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["a", "e", "f"])
    assert record.excluded == {"b": "not_registered", "c": "bad_update", "d": "bad_update"}
    assert record.new_model_sha256 == bench.model(3.0).sha256
    assert await refusals(bench) == [("c", "revoked_key"), ("d", "unknown_key")]


async def test_a_key_revoked_after_the_last_update_came_is_found_revoked_when_the_round_closes(bench):
    async def is_silent_and_sees_b_revoked(device, record) -> None:
        while {event.device_id for event in await bench.events("update_accepted")} != {"a", "b", "c"}:
            await asyncio.sleep(0.1)
        await bench.set_key(device_key("b", revoked_at=1.0))

    devices = [bench.device(name, value) for name, value in zip("abcd", (1.0, 9.0, 3.0, 9.0), strict=True)]
    async with bench.taking_part(*devices, answers={"d": is_silent_and_sees_b_revoked}):
        record = (await bench.run_rounds(round_deadline_s=6.0))[1]
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["a", "c"])
    assert record.excluded["b"] == "not_registered"
    assert record.new_model_sha256 == bench.model(2.0).sha256


async def test_an_update_of_the_last_round_does_not_count_again_to_this_coordinator_or_the_next(bench):
    async def replays(device, record) -> None:
        if len(device.invitations) == 1:
            await device.send(record)
            return
        old = device.sent[0]
        await device.send_raw(encode_federation(old))
        await device.send_raw(encode_federation(replace(old, round=record.round)))
        renamed = replace(old, round=record.round, lease_token=record.lease_token, base_sha256=record.model_sha256)
        await device.send_raw(encode_federation(replace(renamed, nonce="0" * 32)))

    devices = [bench.device("a", 1.0), bench.device("b", 3.0), bench.device("c", 8.0)]
    async with bench.taking_part(*devices, answers={"c": replays}):
        await bench.run_rounds(2, round_deadline_s=4.0)
        rounds = await bench.run_rounds(1, round_deadline_s=4.0)
    assert [rounds[number].accepted for number in (1, 2, 3)] == [["a", "b", "c"], ["a", "b"], ["a", "b"]]
    assert rounds[3].new_model_sha256 == bench.model(2.0).sha256
    events = await bench.events("update_refused")
    assert [event.reason for event in events if event.round == 2] == ["replayed", "replayed", "bad_signature"]
    # A coordinator that has just started knows no nonce: the round and the lease in the signed bytes are enough.
    assert [event.reason for event in events if event.round == 3] == ["late", "wrong_lease", "bad_signature"]


async def test_what_the_commands_register_rotate_and_revoke_is_what_a_later_reader_finds(bench, tmp_path):
    folder = KeyFolder(tmp_path / "keys")
    settings = bench.settings
    async with Publisher(settings) as publisher:
        for name in ("a", "b", "c"):
            await (await open_registrar(settings, folder, publisher, lambda: 1.0)).register(name)
        registrar = await open_registrar(settings, folder, publisher, lambda: 2.0)
        rotated = await registrar.rotate("b")
        await registrar.revoke("c")
    registry = await read_registry(settings)
    assert registry.registered == {"a", "b"}
    assert registry.get("b") == rotated
    assert registry.get("c").revoked_at == 2.0


async def test_a_running_coordinator_follows_rotations_and_revocations(bench, tmp_path):
    devices = [bench.device("a", 1.0), bench.device("b", 3.0)]
    folder = KeyFolder(tmp_path / "keys")

    async def signs_with_its_file(device, record) -> None:
        device.key = await asyncio.to_thread(folder.load, device.device_id)
        await device.send(record)

    async with bench.taking_part(*devices, answers=dict.fromkeys("ab", signs_with_its_file)):
        stop = asyncio.Event()
        async with Publisher(bench.settings) as publisher:
            registrar = await open_registrar(bench.settings, folder, publisher, lambda: 1.0)
            for name in "ab":
                await registrar.rotate(name)
            running = asyncio.create_task(bench.coordinator(round_deadline_s=4.0).run(stop))
            first = await bench.until_round(RoundPhase.COMMITTED)
            await registrar.rotate("a")
            after = max(await bench.rounds())
            second = await bench.until_round(RoundPhase.COMMITTED, after=after)
            await registrar.revoke("b")
            after = max(await bench.rounds())
            third = await bench.until_round(RoundPhase.SKIPPED, "no_quorum", after=after)
        stop.set()
        await asyncio.wait_for(running, 20)
    assert first.accepted == second.accepted == ["a", "b"]
    assert third.excluded == {"b": "not_registered"}
