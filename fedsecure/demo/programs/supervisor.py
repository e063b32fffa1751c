"""Child programs of the demo: each in a process group and with a log of its own, all ended together."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from contracts.errors import FedSecureError
from fedsecure.local_stack.processes import signal_group, signals_held

STOP_WITHIN_S = 8.0
POLL_S = 0.05
LOG_TAIL_LINES = 15


class ChildDied(FedSecureError):
    """A child ended although it should still run. The message names it and shows the end of its log."""


class Child:
    """One started program."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.may_end = False

    def release(self) -> None:
        """Let a held program begin."""
        if self.process.stdin is not None:
            # One that is gone is named by `check`.
            with contextlib.suppress(BrokenPipeError), self.process.stdin as line:
                line.write(b"\n")

    def tail(self) -> str:
        """Return the last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(f"  | {line}" for line in lines) or "  | (the log is empty)"


class Supervisor:
    """A context: whatever ends it, no child is left behind (SIGTERM, then SIGKILL after `STOP_WITHIN_S`).

    `login` returns what a program has in its environment beside what all have. When this process itself is killed, a guard that watches it ends the children.
    """

    def __init__(
        self, log_dir: Path, environ: Mapping[str, str], login: Callable[[str], Mapping[str, str]] = lambda _: {}
    ) -> None:
        self._log_dir = log_dir
        self._environ = dict(environ)
        self._login = login
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "fedsecure.demo.programs.guard"], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None, *, held: bool = False
    ) -> Child:
        """Start a program. Its output goes to `<log_dir>/<name>.log`. A held one waits for `Child.release`."""
        log = self._log_dir / f"{name}.log"
        with log.open("wb") as sink, signals_held():
            process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                list(command),
                stdin=subprocess.PIPE if held else subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**self._environ, **self._login(name), **(environ or {})},
                start_new_session=True,  # a Ctrl-C on the terminal is ours to pass on
            )
            child = self.children[name] = Child(name, process, log)
            self._tell_guard(process)
        return child

    def _tell_guard(self, process: subprocess.Popen[bytes]) -> None:
        # Without a guard, or for a program that is over already, there is nothing to tell.
        with contextlib.suppress(BrokenPipeError, psutil.NoSuchProcess):
            line = f"{process.pid} {psutil.Process(process.pid).create_time()}\n"
            if self._guard.stdin is not None:
                self._guard.stdin.write(line.encode())
                self._guard.stdin.flush()

    def start_fedsecure(
        self, name: str, arguments: Sequence[str], environ: Mapping[str, str] | None = None, *, held: bool = False
    ) -> Child:
        """Start a `fedsecure` command under this interpreter. A held one loads now and begins when it is released."""
        module = "fedsecure.demo.programs.held" if held else "fedsecure"
        return self.start(name, [sys.executable, "-m", module, *arguments], environ, held=held)

    def check(self) -> None:
        """Raise ChildDied if a child ended that should not have, or that failed."""
        for child in self.children.values():
            code = child.process.poll()
            if code is not None and not (child.may_end and code == 0):
                raise ChildDied(
                    f"{child.name} ended unexpectedly ({_how(code)}); {child.log} ends with\n{child.tail()}"
                )

    def stop(self) -> None:
        """End every child that still runs. Blocks for at most `STOP_WITHIN_S` and a moment, a second Ctrl-C included."""
        with signals_held():
            _end([child.process for child in self.children.values()])
            self._guard.communicate()


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        signal_group(process.pid, signal.SIGTERM)
        if process.stdin is not None:
            process.stdin.close()
    deadline = time.monotonic() + STOP_WITHIN_S
    while any(process.poll() is None for process in running) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for process in running:
        # Also for a child that is gone: something it started may have stayed in its group.
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
