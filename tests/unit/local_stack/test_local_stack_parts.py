from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from fedsecure.endpoints import environ_of, settings_for_running_stack
from fedsecure.local_stack import LocalStack, default_state_dir
from fedsecure.local_stack.external import external_services
from fedsecure.local_stack.kafka.config import render_properties
from fedsecure.local_stack.ports import choose_ports
from fedsecure.local_stack.processes import ProcessId, kill, signals_held, start_detached, stop
from fedsecure.local_stack.state_file import ServerRecord, StateFile

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


def test_a_detached_process_is_found_ended_and_reaped(tmp_path: Path) -> None:
    process = start_detached(SLEEPER, dict(os.environ), tmp_path / "log")
    assert process.find() is not None
    assert os.getsid(process.pid) != os.getsid(0)
    stop(process, grace_s=10)
    assert process.find() is None
    assert not psutil.pid_exists(process.pid)


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path, wait_until) -> None:  # type: ignore[no-untyped-def]
    log = tmp_path / "log"
    process = start_detached(STUBBORN, dict(os.environ), log)
    wait_until(lambda: log.exists() and "deaf" in log.read_text(), 20, "the process ignores SIGTERM")
    stop(process, grace_s=0.2)
    assert not psutil.pid_exists(process.pid)


def test_another_process_with_the_same_pid_is_not_taken_for_ours_and_not_ended() -> None:
    other = subprocess.Popen(SLEEPER)
    stale = ProcessId(other.pid, psutil.Process(other.pid).create_time() - 3600)
    assert stale.find() is None
    stop(stale, grace_s=0)
    kill(stale)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_an_interrupt_between_start_and_note_is_delivered_after_both() -> None:
    steps = []

    def interrupted_start() -> None:
        with signals_held():
            signal.raise_signal(signal.SIGINT)
            steps.append("noted")

    with pytest.raises(KeyboardInterrupt):
        interrupted_start()
    assert steps == ["noted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ports_differ_and_stay_while_free() -> None:
    chosen = choose_ports(("client", "controller"), {})
    assert len(set(chosen.values())) == 2
    assert choose_ports(("client", "controller"), chosen) == chosen


def test_a_port_that_somebody_else_took_is_replaced() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert choose_ports(("client",), {"client": taken})["client"] != taken


def test_the_state_file_keeps_each_servers_record(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    assert state.read() == {}
    record = ServerRecord(ProcessId(1, 2.5), {"client": 3}, owner=ProcessId(4, 5.5))
    state.note("kafka", record)
    state.note("redis", ServerRecord(None, {"client": 6}))
    assert state.read() == {"kafka": record, "redis": ServerRecord(None, {"client": 6})}


def test_a_damaged_state_file_is_named(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.path.write_text("{")
    with pytest.raises(Misconfigured, match=r"stack\.json cannot be read"):
        state.read()


def test_a_state_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="--state-dir"):
        LocalStack(tmp_path / "file" / "state", environ={}).down()


def test_paths_survive_javas_latin_1_properties() -> None:
    text = render_properties(Path("/home/zoë/back\\slash 漢"), 1, 1, {1: 2})
    assert text.isascii()
    assert r"log.dirs=/home/zo\u00eb/back\u005cslash \u6f22" in text


def test_a_comma_in_the_path_is_refused() -> None:
    with pytest.raises(Misconfigured, match="comma"):
        render_properties(Path("/a,b"), 1, 1, {1: 2})


def test_without_a_stack_commands_say_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDSECURE_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(Misconfigured, match="fedsecure stack up"):
        settings_for_running_stack()


def test_the_environments_services_come_first_and_overrides_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.test:1")
    monkeypatch.setenv("REDIS_URL", "redis://redis.test:2/0")
    settings = settings_for_running_stack(prefix="mine", redis_url="redis://other.test:3/0")
    assert settings.kafka_bootstrap_servers == "kafka.test:1"
    assert settings.redis_url == "redis://other.test:3/0"
    assert settings.prefix == "mine"


def test_a_stack_of_which_one_half_is_the_environments_still_misses_the_other(tmp_path: Path) -> None:
    half = LocalStack(tmp_path, environ={"KAFKA_BOOTSTRAP_SERVERS": "kafka.test:1"})
    with pytest.raises(Misconfigured, match=r"Redis .* set REDIS_URL"):
        half.endpoints()


def test_a_service_of_the_environment_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsecure.local_stack.external.START_TIMEOUT_S", 0.0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        service = external_services({"REDIS_URL": f"redis://127.0.0.1:{closed.getsockname()[1]}/0"})["redis"]
        with pytest.raises(Unavailable, match="check REDIS_URL"):
            service.wait_until_answers()


def test_settings_travel_to_a_program_through_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Settings(
        kafka_bootstrap_servers="kafka.test:1",
        redis_url="redis://redis.test:2/0",
        prefix="t-1",
        devices=("a", "b"),
        metrics_port=0,
        session_timeout_s=3.0,
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_username="someone",
        kafka_password=SecretStr("secret"),
    )
    for name, value in environ_of(sent).items():
        monkeypatch.setenv(name, value)
    assert Settings() == sent


def test_make_offers_its_targets() -> None:
    shown = subprocess.run(["make", "help"], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert {line.split()[0] for line in shown.stdout.splitlines()[1:]} >= {"demo", "test", "check", "setup", "clean"}


def test_status_as_json_tells_that_nothing_runs(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "FEDSECURE_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "fedsecure", "stack", "status", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert shown.returncode == 3, shown.stderr
    found = json.loads(shown.stdout)
    assert found["up"] is False
    assert [server["state"] for server in found["servers"]] == ["down", "down"]


@pytest.mark.skipif(sys.platform != "linux", reason="where a user's state lies is the platform's own")
def test_outside_a_checkout_all_folders_of_a_user_share_one_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/pyproject.toml").write_text('[project]\nname = "another"\n')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/pyproject.toml").write_bytes(b"\xff[")
    for folder in (tmp_path, tmp_path / "other", tmp_path / "broken"):
        monkeypatch.chdir(folder)
        assert default_state_dir({}) == tmp_path / "state/fedsecure"


def test_inside_a_checkout_the_state_is_the_checkouts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs/images").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "fedsecure"\n')
    for folder in (tmp_path, tmp_path / "docs/images"):
        monkeypatch.chdir(folder)
        assert default_state_dir({}) == tmp_path / ".state"
        assert default_state_dir({"FEDSECURE_STATE_DIR": "mine"}) == folder / "mine"
