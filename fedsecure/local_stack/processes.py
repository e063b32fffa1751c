"""Servers as detached processes: start, recognise again (pid and creation time), end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import msgspec
import psutil

from contracts.errors import Unavailable

KILL_TIMEOUT_S = 10.0
POLL_S = 0.02
CREATED_TOLERANCE_S = 2.0  # psutil derives the creation time from the boot time, which the clock's owner may adjust


class ProcessId(msgspec.Struct, frozen=True):
    """A process that is not mistaken for another that got its pid later."""

    pid: int
    created_at_s: float

    @classmethod
    def of_this_process(cls) -> ProcessId:
        return cls(os.getpid(), psutil.Process().create_time())

    def find(self) -> psutil.Process | None:
        """Return the process if it still runs, else None. A zombie runs while a thread of it holds files and ports."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created_at_s) > CREATED_TOLERANCE_S:
                return None
            dead = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
        except psutil.NoSuchProcess:
            return None
        return None if dead else process


def start_detached(command: Sequence[str], environ: dict[str, str], log: Path) -> ProcessId:
    """Start a process in a session of its own, so that Ctrl-C does not reach it. Its output is added to `log`."""
    # posix_spawn, not Popen: the process outlives this one, and Popen wants to be waited for.
    pid = os.posix_spawn(
        command[0],
        list(command),
        environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
    )
    return ProcessId(pid, psutil.Process(pid).create_time())


def stop(process_id: ProcessId, grace_s: float) -> None:
    """End a process: SIGTERM, then SIGKILL after `grace_s`. Blocks until it is gone, and reaps it if it is ours."""
    stop_all({process_id: grace_s})


def stop_all(grace_s: Mapping[ProcessId, float]) -> None:
    """End processes as `stop` does, all at once: of servers that wait for each other, the last would wait in vain."""
    for process_id in grace_s:
        _send(process_id, signal.SIGTERM)
    asked_at = time.monotonic()
    for process_id, seconds in grace_s.items():
        if not _gone_within(process_id, asked_at + seconds - time.monotonic()):
            kill(process_id)


def kill(process_id: ProcessId) -> None:
    """End a process by SIGKILL and wait until it is gone. Raises Unavailable if even that does not end it."""
    _send(process_id, signal.SIGKILL)
    if not _gone_within(process_id, KILL_TIMEOUT_S):
        raise Unavailable(f"process {process_id.pid} does not end, not even by SIGKILL: its disk may hang")


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to all processes of a group, if there is one left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _send(process_id: ProcessId, number: signal.Signals) -> None:
    if process := process_id.find():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _gone_within(process_id: ProcessId, timeout_s: float) -> bool:
    # Not psutil's wait: that waits for a zombie too, which is not ours to reap while its parent lives.
    deadline = time.monotonic() + timeout_s
    while process_id.find() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process_id.pid, os.WNOHANG)
    return True


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM inside the block and deliver the last one after it.

    A process is noted in the same breath as it is started: an interrupt in between would leave it behind.
    Outside the main thread, where Python delivers no signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[-1])
