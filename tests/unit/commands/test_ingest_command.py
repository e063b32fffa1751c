"""`fedsecure ingest` hands its options on as settings, and refuses what cannot be before anything starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.cli import app
from ingest.protocol import Protocol, protocol_named, protocol_names


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of every ingest that would have started."""
    settings: list[Settings] = []

    async def run(self: object, stop: asyncio.Event) -> None:
        settings.append(self._settings)

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.test:1")
    monkeypatch.setenv("REDIS_URL", "redis://redis.test:2/0")
    monkeypatch.setattr("ingest.program.IngestProgram.run", run)
    monkeypatch.setattr("transport.logs.configure_logs", lambda _: None)
    return settings


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["ingest", *arguments])
    assert isinstance(done.exception, Misconfigured), done.output
    return str(done.exception)


def test_options_become_settings_and_what_is_not_said_comes_from_the_environment(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    monkeypatch.setenv("FEDSECURE_INGEST_ZONE", "Asia/Tokyo")
    options = ("--port", "7", "--device-from", "obx-18", "--any-clock", "--pseudonym-key-file", str(key))
    done = CliRunner().invoke(app, ["ingest", "hl7", *options])
    assert done.exit_code == 0, done.output
    (settings,) = started
    assert (settings.ingest_port, settings.ingest_zone, settings.ingest_any_clock) == (7, "Asia/Tokyo", True)
    assert (settings.ingest_keep_test_data, settings.ingest_pseudonym_key_file) == (False, key)
    assert protocol_named("hl7").device_from(settings) == "OBX-18"


def test_what_cannot_be_is_refused_before_anything_starts(started: list[Settings], tmp_path: Path) -> None:
    assert "the protocols are hl7" in refused("fhir")
    assert "use PV1-3, OBX-18, PID-3" in refused("hl7", "--device-from", "PID-5")
    assert "no time zone 'Mars'" in refused("hl7", "--zone", "Mars")
    assert "cannot be read" in refused("hl7", "--pseudonym-key-file", str(tmp_path / "none"))
    assert "FEDSECURE_INGEST_NAME" in refused("hl7", "--name", "ICU 1")
    assert started == []


@pytest.mark.parametrize(
    "given",
    [{"ingest_tls_key_file": "k"}, {"ingest_tls_cert_file": "c"}, {"ingest_tls_client_ca_file": "a"}],
    ids=["a key alone", "a certificate alone", "a CA alone"],
)
def test_half_of_tls_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="FEDSECURE_INGEST_TLS"):
        Settings(**given)


def test_every_file_of_the_folder_is_a_protocol() -> None:
    for name in protocol_names():
        protocol = protocol_named(name)
        assert isinstance(protocol, Protocol)
        assert protocol.name == name
        assert protocol.port_of(Settings()) == protocol.port
