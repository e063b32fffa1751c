"""A host signs with the key that is there now, and says or mends it when a device has none."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from device_keys import KeyRecord, device_key, key_record, private_key
from structlog.testing import capture_logs

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from contracts.messages.federation import ModelUpdate
from contracts.signing import key_id_of, public_bytes_of, verify
from fl_device.keys import host_keys
from fl_device.keys.folder import KeyFolder
from fl_device.keys.host_keys import HostKeys, random_nonce
from fl_device.keys.registration import Registrar
from transport.key_registry import KeyRegistry

UPDATE = ModelUpdate(
    device_id="a", round=1, lease_token=1, base_sha256="0" * 64, update_sha256="1" * 64, sample_count=3, loss_before=1.0,
    loss_after=0.5, train_s=0.1, sent_at=9.0,
)  # fmt: skip


class Topic:
    """The key topic in memory."""

    def __init__(self) -> None:
        self.registry = KeyRegistry()
        self.is_down = False

    async def send(self, topic: str, key: str, value: bytes | None) -> None:
        if self.is_down:
            raise Unavailable("Kafka does not take records")
        self.registry.note(KeyRecord(key.encode(), value))


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic()

    async def open_registrar(settings: Settings, folder: KeyFolder, sender: Any, clock: Any) -> Registrar:
        return Registrar(topic.registry, folder, topic, settings.topics.fl_keys, clock)

    monkeypatch.setattr(host_keys, "open_registrar", open_registrar)
    return topic


def keys_of(folder: KeyFolder, *, may_register: bool = False) -> HostKeys:
    numbers = count()
    settings = Settings(prefix="t", register_new_devices=may_register)
    return HostKeys(settings, folder, clock=lambda: 7.0, nonce=lambda: f"nonce {next(numbers)}")


async def look_after(keys: HostKeys, topic: Topic, *device_ids: str) -> list[Any]:
    with capture_logs() as logs:
        await keys.look_after(device_ids, topic)  # type: ignore[arg-type]
    return [(line["event"], line["device_id"]) for line in logs]


async def test_each_update_is_signed_with_a_nonce_of_its_own(folder: KeyFolder) -> None:
    keys = keys_of(folder)
    public_key = public_bytes_of(folder.load_or_create("a"))
    signed = [await keys.sign(UPDATE) for _ in range(2)]
    for update in signed:
        verify(public_key, update)
    assert [update.nonce for update in signed] == ["nonce 0", "nonce 1"]
    assert len(random_nonce()) == 32
    assert random_nonce() != random_nonce()


async def test_after_a_rotation_the_next_update_is_signed_with_the_new_key(folder: KeyFolder) -> None:
    keys = keys_of(folder)
    folder.load_or_create("a")
    await keys.sign(UPDATE)
    new = folder.prepare_rotation("a")
    folder.finish_rotation("a")
    verify(public_bytes_of(new), await keys.sign(UPDATE))


async def test_a_device_without_a_key_does_not_train_and_the_log_says_how_to_register_it(
    folder: KeyFolder, topic: Topic
) -> None:
    keys = keys_of(folder)
    with pytest.raises(Misconfigured, match="fedsecure device register a"):
        await keys.need("a")
    with capture_logs() as logs:
        await keys.look_after(["a"], topic)  # type: ignore[arg-type]
    assert [line["to_register"] for line in logs] == ["fedsecure device register a"]
    assert topic.registry.all() == []
    assert not folder.folder.exists()


async def test_where_it_is_allowed_new_devices_are_registered_and_no_other_is_touched(
    folder: KeyFolder, topic: Topic
) -> None:
    topic.registry.note(key_record(device_key("elsewhere")))
    topic.registry.note(key_record(device_key("revoked", revoked_at=1.0)))
    keys = keys_of(folder, may_register=True)
    told = await look_after(keys, topic, "elsewhere", "new", "revoked")
    assert told == [
        ("device_registered", "new"),
        ("device_without_key", "elsewhere"),
        ("device_without_key", "revoked"),
    ]
    assert topic.registry.registered == {"elsewhere", "new"}
    registered = topic.registry.get("new")
    assert registered is not None
    assert registered.key_id == key_id_of(public_bytes_of(folder.load("new")))
    assert await look_after(keys, topic, "new") == []


async def test_one_devices_unusable_key_does_not_keep_the_others_from_being_registered(
    folder: KeyFolder, topic: Topic
) -> None:
    folder.load_or_create("a")
    folder.path("a").chmod(0o644)
    told = await look_after(keys_of(folder, may_register=True), topic, "a", "b")
    assert told == [("device_not_registered", "a"), ("device_registered", "b")]
    assert topic.registry.registered == {"b"}


async def test_a_kafka_that_does_not_take_the_key_is_for_the_caller_to_wait_for(
    folder: KeyFolder, topic: Topic
) -> None:
    topic.is_down = True
    keys = keys_of(folder, may_register=True)
    with pytest.raises(Unavailable):
        await look_after(keys, topic, "a")
    topic.is_down = False
    assert await look_after(keys, topic, "a") == [("device_registered", "a")]


async def test_no_log_line_holds_a_private_key(folder: KeyFolder, topic: Topic) -> None:
    with capture_logs() as logs:
        await keys_of(folder, may_register=True).look_after(["a"], topic)  # type: ignore[arg-type]
    secret = folder.load("a").private_bytes_raw()
    for form in (secret.hex(), repr(secret), folder.path("a").read_text().splitlines()[1]):
        assert form not in repr(logs)
    assert public_bytes_of(private_key("a")) != public_bytes_of(folder.load("a"))
