"""However the demo ends, nothing of it stays behind and nobody is shown a traceback."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BEGINS_WITHIN_S = 150.0  # a first run compiles every library it loads
ENDS_WITHIN_S = 15.0  # ten for the programs, and what a busy machine adds


def children_of(pid: int) -> dict[str, psutil.Process]:
    """Return the demo's own processes, by the last word that tells them apart."""
    found = {}
    for process in psutil.Process(pid).children(recursive=True):
        try:
            found[" ".join(process.cmdline()[-2:])] = process
        except psutil.NoSuchProcess:
            continue
    return found


def worker_of(pid: int) -> psutil.Process | None:
    return next((process for name, process in children_of(pid).items() if name == "fedsecure worker"), None)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_demo_leaves_nothing_behind(
    spawn: Any, wait_until: Any, tmp_path: Path, number: signal.Signals
) -> None:
    report, state = tmp_path / "report", tmp_path / "state"
    demo = spawn("demo", "--offline", "--report", str(report), environ={"FEDSECURE_STATE_DIR": str(state)})
    wait_until(lambda: worker_of(demo.pid), BEGINS_WITHIN_S, "a worker runs")
    processes = list(children_of(demo.pid).values())
    assert len(processes) >= 4, "Kafka, Redis and two workers at least"
    asked_at = time.monotonic()
    demo.send(number)
    assert demo.wait(60.0) == 130, demo.log
    assert time.monotonic() - asked_at < ENDS_WITHIN_S
    assert all_gone(processes)
    assert "Traceback" not in demo.log


def test_a_program_that_dies_is_named_and_ends_the_demo(
    spawn: Any, wait_until: Any, tmp_path: Path, stack: Any
) -> None:
    endpoints = stack.up()
    services = {"KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka, "REDIS_URL": endpoints.redis_url}
    demo = spawn("demo", "--offline", "--report", str(tmp_path / "report"), environ=services)
    wait_until(lambda: worker_of(demo.pid), BEGINS_WITHIN_S, "a worker runs")
    processes = list(children_of(demo.pid).values())
    worker = worker_of(demo.pid)
    assert worker is not None
    worker.kill()
    assert demo.wait(60.0) == 1
    assert "ended unexpectedly (signal SIGKILL)" in demo.log
    assert "Traceback" not in demo.log
    assert all_gone(processes)


def test_a_wrong_attack_is_said_at_once(spawn: Any, tmp_path: Path) -> None:
    demo = spawn(
        "demo",
        "--offline",
        "--report",
        str(tmp_path / "report"),
        "--attack",
        "data-poisoning-2:device=nobody,onset=800",
    )
    assert demo.wait(30.0) == 2
    assert "'nobody'; the demo has p000020, s00001" in demo.log
    assert not (tmp_path / "report").exists()
