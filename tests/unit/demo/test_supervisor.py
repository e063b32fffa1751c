"""Children are named when they die and gone when the demo is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fedsecure.demo.programs.supervisor import ChildDied, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
_INTERRUPT = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGINT))
print("up", flush=True)
while True:
    time.sleep(60)
"""
INTERRUPTING = [sys.executable, "-c", _INTERRUPT]  # when asked to end, the second Ctrl-C comes
_BEGET = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
_SUPERVISE = """
import os, sys, time
from pathlib import Path
from fedsecure.demo.programs.supervisor import Supervisor
with Supervisor(Path(sys.argv[1]), os.environ) as programs:
    child = programs.start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.process.pid, flush=True)
    time.sleep(60)
"""
PARENT = [sys.executable, "-c", _BEGET]


def wait_for_output(log: Path) -> str:
    deadline = time.monotonic() + 20.0
    while not (text := log.read_text()).endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return text.strip()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_nothing_is_left_when_the_block_ends_by_an_error(tmp_path: Path) -> None:
    programs = Supervisor(tmp_path, os.environ)

    def run_until_interrupted() -> None:
        with programs:
            programs.start("one", SLEEP)
            programs.start("two", SLEEP)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted()
    assert [child.process.returncode for child in programs.children.values()] == [-15, -15]


def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsecure.demo.programs.supervisor.STOP_WITHIN_S", 0.3)
    with Supervisor(tmp_path, os.environ) as programs:
        child = programs.start("stubborn", STUBBORN)
        wait_for_output(child.log)
    assert child.process.returncode == -9


def test_a_second_interrupt_leaves_no_child_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsecure.demo.programs.supervisor.STOP_WITHIN_S", 2.0)
    programs = Supervisor(tmp_path, os.environ)

    def run_until_interrupted_twice() -> None:
        with programs:
            wait_for_output(programs.start("stubborn", INTERRUPTING).log)

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted_twice()
    assert programs.children["stubborn"].process.returncode == -9


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    with Supervisor(tmp_path, os.environ) as programs:
        child = programs.start("parent", PARENT)
        grandchild = int(wait_for_output(child.log))
    assert is_gone(grandchild)


def test_a_supervisor_that_is_killed_leaves_no_child_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SUPERVISE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert not is_gone(child)
        supervisor.kill()
    deadline = time.monotonic() + 20.0
    while not is_gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_child_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path, os.environ) as programs:
        child = programs.start("worker-1", [sys.executable, "-c", "import sys; sys.exit('no bundle')"])
        child.process.wait()
        with pytest.raises(ChildDied, match=r"worker-1 ended unexpectedly \(exit code 1\)[^|]*\| no bundle"):
            programs.check()


def test_a_child_that_may_end_may_not_fail(tmp_path: Path) -> None:
    with Supervisor(tmp_path, os.environ) as programs:
        for name, code in (("well", 0), ("badly", 3)):
            child = programs.start(name, [sys.executable, "-c", f"raise SystemExit({code})"])
            child.may_end = True
            child.process.wait()
            if code == 0:
                programs.check()
        with pytest.raises(ChildDied, match="badly"):
            programs.check()


def test_a_held_program_begins_when_it_is_released(tmp_path: Path) -> None:
    wait = [sys.executable, "-c", "import sys; sys.stdin.readline() and print('begun')"]
    with Supervisor(tmp_path, os.environ) as programs:
        held = programs.start("replay", wait, held=True)
        time.sleep(0.3)
        assert held.process.poll() is None
        held.may_end = True
        held.release()
        assert wait_for_output(held.log) == "begun"
        held.process.wait()
        programs.check()


def test_a_held_program_that_is_never_released_just_ends(tmp_path: Path) -> None:
    with Supervisor(tmp_path, os.environ) as programs:
        held = programs.start("replay", [sys.executable, "-m", "fedsecure.demo.programs.held", "attacks"], held=True)
    assert held.process.returncode is not None
    assert held.log.read_text() == ""
