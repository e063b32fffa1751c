"""Servers as detached processes: start, recognise again (pid and creation time), end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import msgspec
import psutil

CREATED_TOLERANCE_S = 2.0  # psutil derives the creation time from the boot time, which the clock's owner may adjust


class ProcessId(msgspec.Struct, frozen=True):
    """A process that is not mistaken for another that got its pid later."""

    pid: int
    created_at_s: float

    @classmethod
    def of_this_process(cls) -> ProcessId:
        return cls(os.getpid(), psutil.Process().create_time())

    def find(self) -> psutil.Process | None:
        """Return the process if it still runs (a zombie does not), else None."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_at_s) <= CREATED_TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def start_detached(command: Sequence[str], environ: dict[str, str], log: Path) -> ProcessId:
    """Start a process in a session of its own, so that Ctrl-C does not reach it; its output is added to `log`."""
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
    """End a process: SIGTERM, then SIGKILL after `grace_s`; blocks until it is gone, and reaps it if it is ours."""
    process = process_id.find()
    if process is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(grace_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait()


def kill(process_id: ProcessId) -> None:
    """End a process by SIGKILL and wait until it is gone."""
    process = process_id.find()
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait()


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
