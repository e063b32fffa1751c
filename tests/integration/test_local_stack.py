"""The local stack as its users have it: real servers, real processes, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from fedsecure.commands.stack import up
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.kafka.broker import KafkaBroker
from transport.kafka.admin import ensure_topics
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration

HOLD_A_STACK = """
import sys, time
from pathlib import Path
from fedsecure.local_stack import LocalStack
with LocalStack(Path(sys.argv[1]), environ={}):
    print("up", flush=True)
    time.sleep(120)
"""


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in `folder` or names it; Redis rewrites its command line, but works in its folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(folder) in " ".join(process.cmdline()) or process.cwd().startswith(str(folder)):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a state"
    yield folder
    LocalStack(folder, environ={}).down()


def command(state_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        name: value for name, value in os.environ.items() if name not in {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"}
    }
    line = [sys.executable, "-m", "fedsecure", "stack", *arguments, "--state-dir", str(state_dir)]
    return subprocess.run(line, capture_output=True, text=True, env=environ, check=False, timeout=90)


def pids(state_dir: Path) -> dict[str, int | None]:
    return {server.name: server.pid for server in LocalStack(state_dir, environ={}).status().servers}


def test_settings_lead_to_a_broker_and_a_redis_that_answer(settings: Settings, wait_until: Any) -> None:
    wait_until(
        lambda: ensure_topics(settings, settings.topics.fixed()) == [], 20, "the broker lists what was just made"
    )
    with connect_redis(settings) as client:
        assert client.ping()


def test_ups_at_once_start_one_stack_another_recovers_a_killed_server_and_down_leaves_no_process(
    state_dir: Path, spawn: Any
) -> None:
    both = [spawn("stack", "up", "--state-dir", str(state_dir)) for _ in range(2)]
    assert [program.wait(60) for program in both] == [0, 0], [program.log for program in both]
    assert all(str(state_dir) in program.log for program in both)
    servers = [process for process in processes_of(state_dir) if process.pid not in {each.pid for each in both}]
    assert len(servers) == 2
    before = pids(state_dir)
    assert command(state_dir, "up").returncode == 0
    told = json.loads(command(state_dir, "status", "--json").stdout)
    assert {server["name"]: server["pid"] for server in told["servers"]} == before == pids(state_dir)

    for pid in before.values():
        psutil.Process(pid).kill()
    assert command(state_dir, "status").returncode == 3
    again = command(state_dir, "up")
    assert again.returncode == 0, again.stderr
    assert "0 topics created" in again.stdout, "the broker's data survived"
    assert set(before.values()).isdisjoint(pids(state_dir).values())

    assert command(state_dir, "down").returncode == 0
    assert processes_of(state_dir) == []
    assert "nothing ran" in command(state_dir, "down", "--wipe").stdout
    assert not (state_dir / "kafka").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_up_leaves_no_process(
    state_dir: Path, spawn: Any, wait_until: Any, number: int, status: int
) -> None:
    up = spawn("stack", "up", "--state-dir", str(state_dir))
    wait_until(lambda: "starting Apache Kafka" in up.log, 60, "Kafka is being started")
    up.send(number)
    assert up.wait(30) == status
    assert processes_of(state_dir) == []


def test_an_up_that_cannot_create_the_topics_ends_what_it_started_and_nothing_else(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And `down` ends a stack although the process that started it runs on."""

    def refuse(*_arguments: object) -> None:
        raise Unavailable("no topics today")

    for variable in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"):
        monkeypatch.delenv(variable, raising=False)
    local = LocalStack(state_dir, environ={})
    monkeypatch.setattr("transport.kafka.admin.ensure_topics", refuse)
    with pytest.raises(Unavailable, match="no topics today"):
        up(state_dir)
    assert [server.state for server in local.status().servers] == ["down", "down"]
    with LocalStack(state_dir, environ={}):
        with pytest.raises(Unavailable, match="no topics today"):
            up(state_dir)
        assert local.status().up
        assert command(state_dir, "down").returncode == 0
        assert not local.status().up


def test_a_stack_ends_with_a_process_that_is_killed(state_dir: Path, tmp_path: Path, wait_until: Any) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD_A_STACK, str(state_dir)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout as stdout:
        assert stdout.readline() == b"up\n"
    assert len(processes_of(state_dir)) == 4, "the holder, its guard, Kafka and Redis"
    holder.kill()
    holder.wait()
    wait_until(lambda: not processes_of(state_dir), 30, "guard, Kafka and Redis are gone")


def test_a_context_leaves_servers_running_that_ran_before(stack: LocalStack) -> None:
    with LocalStack(stack.state_dir) as guest:
        assert guest.endpoints() == stack.endpoints()
    assert stack.status().up


def test_a_killed_broker_comes_back_on_its_port_with_its_topics(own_stack: LocalStack, settings: Settings) -> None:
    before = own_stack.endpoints()
    own_stack.kill("kafka")
    with pytest.raises(Misconfigured, match="fedsecure stack up"):
        own_stack.endpoints()
    own_stack.start("kafka")
    assert own_stack.endpoints() == before
    assert ensure_topics(settings, settings.topics.fixed()) == []


def test_a_killed_redis_comes_back_on_its_port_and_empty(own_stack: LocalStack, settings: Settings) -> None:
    before = own_stack.endpoints()
    with connect_redis(settings) as client:
        client.set(f"{settings.prefix}:device:a", b"seen")
        own_stack.kill("redis")
        own_stack.start("redis")
        assert own_stack.endpoints() == before
        assert client.get(f"{settings.prefix}:device:a") is None


def test_services_of_the_environment_are_used_and_nothing_is_started(stack: LocalStack, tmp_path: Path) -> None:
    said: list[str] = []
    running = stack.endpoints()
    environ = {"KAFKA_BOOTSTRAP_SERVERS": running.kafka, "REDIS_URL": running.redis_url}
    guest = LocalStack(tmp_path, environ=environ, announce=said.append)
    endpoints = guest.up()
    assert (endpoints.kafka, endpoints.redis_url) == (stack.endpoints().kafka, stack.endpoints().redis_url)
    assert not endpoints.kafka_is_local
    assert not endpoints.redis_is_local
    assert all("starting none" in line for line in said)
    assert len(said) == 2
    assert processes_of(tmp_path) == []
    assert guest.down() == []
    assert stack.status().up
    with pytest.raises(Misconfigured, match="KAFKA_BOOTSTRAP_SERVERS"):
        guest.kill("kafka")


def test_a_broker_that_cannot_start_is_explained_by_its_log_and_leaves_no_redis(state_dir: Path) -> None:
    broker = KafkaBroker(state_dir / "kafka")
    broker.prepare({"kafka": {"client": 1, "controller": 2}}, lambda _text: None)
    (state_dir / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=other\n")
    with pytest.raises(Unavailable, match=r"ended while it started; .*server\.log says: .*meta\.properties"):
        LocalStack(state_dir, environ={}).up()
    assert processes_of(state_dir) == []
