"""`fedsecure device` hosts devices as it always did; its subcommands register, rotate, revoke and list keys."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from console_ward import status_of
from device_keys import KeyRecord, device_key, key_record
from typer.testing import CliRunner, Result

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.cli import app
from fedsecure.commands import device as device_command
from fedsecure.endpoints import device_key_dir, settings_for_device_host
from fedsecure.local_stack import Endpoints, LocalStack
from fl_coordinator.gate.device_view import view_of
from fl_device.keys.registration import Registrar
from transport.key_registry import KeyRegistry


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Services that the environment names, a folder of one's own, and logs left as they are."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.test:1")
    monkeypatch.setenv("REDIS_URL", "redis://redis.test:2/0")
    monkeypatch.setenv("FEDSECURE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("FEDSECURE_DEVICE_KEY_DIR", raising=False)
    monkeypatch.delenv("FEDSECURE_REGISTER_NEW_DEVICES", raising=False)
    monkeypatch.setattr("transport.logs.configure_logs", lambda _: None)


@pytest.fixture
def hosted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, tuple[str, ...] | None]]:
    """What every host that would have started was given."""
    started: list[tuple[Settings, tuple[str, ...] | None]] = []

    def run(settings: Settings, device_ids: tuple[str, ...] | None) -> None:
        started.append((settings, device_ids))

    monkeypatch.setattr(device_command, "_run", run)
    return started


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> KeyRegistry:
    """The key topic in memory, behind the commands."""
    registry = KeyRegistry()

    class Publisher:
        async def send(self, topic: str, key: str, value: bytes | None) -> None:
            registry.note(KeyRecord(key.encode(), value))

    @asynccontextmanager
    async def publisher(settings: Settings) -> Any:
        yield Publisher()

    async def open_registrar(settings: Settings, folder: Any, sender: Any, clock: Any) -> Registrar:
        return Registrar(registry, folder, sender, settings.topics.fl_keys, clock)

    async def read_registry(settings: Settings) -> KeyRegistry:
        return registry

    monkeypatch.setattr("transport.kafka.publisher.Publisher", publisher)
    monkeypatch.setattr("fl_device.keys.registration.open_registrar", open_registrar)
    monkeypatch.setattr("transport.key_registry.read_registry", read_registry)
    return registry


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["device", *arguments], env={"COLUMNS": "200"})


def test_without_a_subcommand_it_hosts_the_named_devices_or_all(hosted: Any) -> None:
    assert run("--device", "p1", "--device", "p2", "--metrics-port", "0").exit_code == 0
    assert run("--all").exit_code == 0
    assert [device_ids for _, device_ids in hosted] == [("p1", "p2"), None]
    assert [settings.metrics_port for settings, _ in hosted] == [0, None]


def test_a_bound_and_noise_on_updates_are_settings_and_noise_alone_is_refused(hosted: Any) -> None:
    assert run("--all", "--dp-clip", "1", "--dp-noise", "0.01").exit_code == 0
    assert [(settings.dp_clip, settings.dp_noise) for settings, _ in hosted] == [(1.0, 0.01)]
    result = run("--all", "--dp-noise", "0.01")
    assert isinstance(result.exception, Misconfigured)
    assert "set FEDSECURE_DP_CLIP (--dp-clip) too" in str(result.exception)
    assert len(hosted) == 1


@pytest.mark.parametrize("arguments", [(), ("--all", "--device", "p1"), ("--device", "!!")])
def test_a_wrong_choice_of_devices_is_refused_in_one_sentence(hosted: Any, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, Misconfigured)
    assert hosted == []


def test_options_of_a_subcommand_come_after_it(hosted: Any, topic: KeyRegistry) -> None:
    for option in (("--all",), ("--device", "p1"), ("--metrics-port", "0"), ("--key-dir", "x"), ("--dp-clip", "1")):
        result = run(*option, "register", "p1")
        assert isinstance(result.exception, Misconfigured)
        assert "come after that word" in str(result.exception)
    assert hosted == []
    assert topic.all() == []


def test_keys_lie_in_the_state_folder_a_folder_an_installation_unless_told_otherwise(
    hosted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device_key_dir(Settings(prefix="mine")) == tmp_path / "state" / "device-keys" / "mine"
    monkeypatch.setenv("FEDSECURE_DEVICE_KEY_DIR", str(tmp_path / "keys"))
    assert device_key_dir(Settings()) == tmp_path / "keys"
    run("--all", "--key-dir", str(tmp_path / "given"))
    assert device_key_dir(hosted[0][0]) == tmp_path / "given"


def test_a_host_registers_new_devices_only_with_the_local_stack_or_when_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not settings_for_device_host().register_new_devices
    monkeypatch.setenv("FEDSECURE_REGISTER_NEW_DEVICES", "true")
    assert settings_for_device_host().register_new_devices
    local = Endpoints("127.0.0.1:1", "redis://127.0.0.1:2/0", kafka_is_local=True, redis_is_local=True)
    monkeypatch.setattr(LocalStack, "endpoints", lambda _: local)
    monkeypatch.setenv("FEDSECURE_REGISTER_NEW_DEVICES", "false")
    assert not settings_for_device_host().register_new_devices
    monkeypatch.delenv("FEDSECURE_REGISTER_NEW_DEVICES")
    assert settings_for_device_host().register_new_devices


def test_a_key_is_registered_rotated_and_revoked(topic: KeyRegistry, tmp_path: Path) -> None:
    made = run("register", "p1", "p2", "p1")
    assert made.exit_code == 0
    assert [key.device_id for key in topic.all()] == ["p1", "p2"]
    first = topic.all()[0]
    path = tmp_path / "state" / "device-keys" / "fedsecure" / "p1.pem"
    assert made.output.splitlines()[0] == f"p1: registered, key {first.key_id}, private half in {path}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in made.output
    assert "p1: was registered already" in run("register", "p1").output
    rotated = run("rotate", "p1").output
    second = topic.all()[0]
    assert rotated == f"p1: new key {second.key_id}, {first.key_id} is no longer valid\n"
    assert run("revoke", "p1").output == f"p1: key {second.key_id} revoked\n"
    assert run("revoke", "p1").output == f"p1: key {second.key_id} was revoked already\n"
    assert topic.registered == {"p2"}


def test_the_keys_are_listed_with_what_lies_here_of_them(topic: KeyRegistry) -> None:
    assert "`fedsecure device register DEVICE` registers one" in run("keys").output
    run("register", "p1", "p2")
    run("revoke", "p2")
    topic.note(key_record(device_key("p2", 3)))
    topic.note(key_record(device_key("p3", revoked_at=90_000.0)))
    rows = [re.split(r"  +", line.strip()) for line in run("keys").output.splitlines()]
    assert rows[0] == ["device", "key", "registered (UTC)", "state", "private key here"]
    assert [row[0] for row in rows[1:]] == ["p1", "p2", "p3"]
    assert [row[3] for row in rows[1:]] == ["valid", "valid", "revoked 1970-01-02 01:00:00"]
    assert [row[4].split(",")[0] for row in rows[1:]] == ["yes", "another one", "no"]


@pytest.mark.parametrize("command", ["register", "rotate", "revoke"])
def test_a_name_that_is_no_device_is_refused_before_anything_happens(topic: KeyRegistry, command: str) -> None:
    result = run(command, "p1", "/")
    assert isinstance(result.exception, Misconfigured)
    assert topic.all() == []


@pytest.mark.parametrize("command", ["register", "rotate", "revoke", "keys"])
def test_every_command_shows_an_example(command: str) -> None:
    shown = run(command, "--help").output
    assert f"fedsecure device {command}" in shown


def test_no_device_is_re_enrolled_when_one_of_them_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [view_of("p1", status_of("p1"), now=0.0, cap_s=10.0)]
    monkeypatch.setattr("transport.redis_client.connect_redis", lambda _: nullcontext())
    monkeypatch.setattr("fl_coordinator.gate.device_view.read_devices", lambda *_, **__: known)
    sent: list[Any] = []

    async def send(_: Settings, orders: list[Any]) -> None:
        sent.extend(orders)

    monkeypatch.setattr("fedsecure.commands.device_re_enrol._send", send)
    result = run("re-enrol", "p1", "p2")
    assert isinstance(result.exception, Misconfigured)
    assert "no worker knows p2" in str(result.exception)
    assert sent == []
    assert "no worker knows ICU_03 (icu-03)" in str(run("re-enrol", "ICU_03").exception)
    assert run("re-enrol", "p1").exit_code == 0
    assert [(order.device_id, order.re_enrol, len(order)) for order in sent] == [("p1", True, 0)]


def test_a_device_is_named_as_its_hospital_writes_it(hosted: Any, topic: KeyRegistry) -> None:
    assert run("--device", "ICU_03", "--device", "床5").exit_code == 0
    assert [device_ids for _, device_ids in hosted] == [("icu-03", "u5e8a-5")]
    assert run("register", "ICU_03").output.startswith("ICU_03 (icu-03): registered")
    assert [key.device_id for key in topic.all()] == ["icu-03"]


def test_two_names_of_one_device_are_refused(hosted: Any) -> None:
    result = run("--device", "ICU_03", "--device", "icu 03")
    assert isinstance(result.exception, Misconfigured)
    assert "'ICU_03' and 'icu 03' are both device icu-03" in str(result.exception)
    assert hosted == []
