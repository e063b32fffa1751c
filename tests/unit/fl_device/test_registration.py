"""Registering, rotating and revoking: what goes onto the key topic, and what an interruption leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from device_keys import KeyRecord, device_key, key_record

from contracts.errors import Misconfigured, Unavailable
from contracts.messages.federation import DeviceKey, decode_federation
from contracts.signing import key_id_of, public_bytes_of
from fl_device.keys.folder import KeyFolder
from fl_device.keys.registration import Registrar
from transport.key_registry import KeyRegistry

NOW = 5000.0


class Bench:
    """A registrar over a topic in memory; `is_down` loses the record, `is_deaf` takes it and does not say so."""

    def __init__(self, folder: Path) -> None:
        self.folder = KeyFolder(folder)
        self.registry = KeyRegistry()
        self.sent: list[DeviceKey] = []
        self.is_down = False
        self.is_deaf = False
        self.registrar = Registrar(self.registry, self.folder, self, "t.fl.keys.v1", lambda: NOW)

    async def send(self, topic: str, key: str, value: bytes | None) -> None:
        assert topic == "t.fl.keys.v1"
        if self.is_down:
            raise Unavailable("Kafka does not take records")
        self.registry.note(KeyRecord(key.encode(), value))
        self.sent.append(decode_federation(DeviceKey, value))
        if self.is_deaf:
            raise Unavailable("Kafka did not say that it took the record")

    def key_id(self, device_id: str) -> str:
        return key_id_of(public_bytes_of(self.folder.load(device_id)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "keys")


async def test_registering_makes_a_key_and_publishes_its_public_half(bench: Bench) -> None:
    key = await bench.registrar.register("p1")
    assert bench.sent == [key]
    assert (key.device_id, key.key_id, key.registered_at, key.revoked_at) == ("p1", bench.key_id("p1"), NOW, None)
    assert key.public_key == public_bytes_of(bench.folder.load("p1"))


async def test_a_key_that_is_there_is_registered_as_it_is_and_only_once(bench: Bench) -> None:
    bench.folder.load_or_create("p1")
    first = await bench.registrar.register("p1")
    assert first.key_id == bench.key_id("p1")
    assert await bench.registrar.register("p1") == first
    assert len(bench.sent) == 1


async def test_a_registration_that_kafka_did_not_take_can_be_repeated(bench: Bench) -> None:
    bench.is_down = True
    with pytest.raises(Unavailable):
        await bench.registrar.register("p1")
    bench.is_down = False
    key = await bench.registrar.register("p1")
    assert key.key_id == bench.key_id("p1")


@pytest.mark.parametrize("is_here", [True, False])
async def test_a_device_that_is_registered_with_another_key_is_not_taken_over(bench: Bench, is_here: bool) -> None:
    bench.registry.note(key_record(device_key("p1")))
    if is_here:
        bench.folder.load_or_create("p1")
    with pytest.raises(Misconfigured, match="`fedsecure device rotate p1`"):
        await bench.registrar.register("p1")
    assert bench.sent == []
    assert bench.folder.has("p1") == is_here


async def test_a_revoked_key_stays_revoked_and_a_new_one_brings_the_device_back(bench: Bench) -> None:
    first = await bench.registrar.register("p1")
    revoked = await bench.registrar.revoke("p1")
    assert (revoked.key_id, revoked.revoked_at) == (first.key_id, NOW)
    assert await bench.registrar.revoke("p1") == revoked
    with pytest.raises(Misconfigured, match="is revoked and stays so"):
        await bench.registrar.register("p1")
    assert bench.registry.registered == set()
    back = await bench.registrar.rotate("p1")
    assert back.key_id != first.key_id
    assert (back.key_id, back.revoked_at) == (bench.key_id("p1"), None)
    assert [key.revoked_at for key in bench.sent] == [None, NOW, None]


async def test_a_device_whose_revoked_key_is_lost_may_be_registered_with_a_new_one(bench: Bench) -> None:
    bench.registry.note(key_record(device_key("p1", revoked_at=10.0)))
    key = await bench.registrar.register("p1")
    assert key.key_id == bench.key_id("p1")
    assert bench.registry.registered == {"p1"}


async def test_a_rotation_publishes_first_and_then_replaces_the_file(bench: Bench) -> None:
    first = await bench.registrar.register("p1")
    new = await bench.registrar.rotate("p1")
    assert new.key_id == bench.key_id("p1") != first.key_id
    assert bench.registry.get("p1") == new
    assert bench.folder.prepared("p1") is None


async def test_a_rotation_that_kafka_did_not_take_leaves_the_old_key_good(bench: Bench) -> None:
    first = await bench.registrar.register("p1")
    bench.is_down = True
    with pytest.raises(Unavailable):
        await bench.registrar.rotate("p1")
    assert bench.key_id("p1") == first.key_id
    assert bench.registry.get("p1") == first


async def test_a_rotation_that_was_cut_off_after_publishing_is_finished_with_the_published_key(bench: Bench) -> None:
    await bench.registrar.register("p1")
    bench.is_deaf = True
    with pytest.raises(Unavailable):
        await bench.registrar.rotate("p1")
    bench.is_deaf = False
    published = bench.sent[-1]
    assert bench.key_id("p1") != published.key_id
    assert await bench.registrar.rotate("p1") == published
    assert bench.key_id("p1") == published.key_id
    assert len(bench.sent) == 2


async def test_a_leftover_of_a_rotation_never_becomes_the_key_unless_it_is_the_registered_one(bench: Bench) -> None:
    await bench.registrar.register("p1")
    leftover = key_id_of(public_bytes_of(bench.folder.prepare_rotation("p1")))
    new = await bench.registrar.rotate("p1")
    assert new.key_id == bench.key_id("p1") != leftover


@pytest.mark.parametrize("change", ["rotate", "revoke"])
async def test_only_a_registered_key_can_be_rotated_or_revoked(bench: Bench, change: str) -> None:
    await bench.registrar.register("p1")
    with pytest.raises(Misconfigured, match=r"p2 has no registered key \(registered: p1\)"):
        await getattr(bench.registrar, change)("p2")
    assert len(bench.sent) == 1
