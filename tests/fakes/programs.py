"""A program that runs as a user would run it, with its output in a file."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

OUR_VARIABLES = ("FEDSECURE_", "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")


def clean_environ(given: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what it says of our services and settings, and with what is given."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OUR_VARIABLES)} | dict(given)


class Program:
    """A running program; its output, both streams, is in `log_path`."""

    def __init__(self, command: list[str], environ: dict[str, str], log_path: Path) -> None:
        self.command = command
        self.log_path = log_path
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def runs(self) -> bool:
        return self.process.poll() is None

    def wait(self, timeout_s: float) -> int:
        return self.process.wait(timeout_s)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        self.process.kill()
        self.process.wait()

    def stop(self, grace_s: float = 15.0) -> int:
        """SIGTERM, and SIGKILL after the grace; returns the exit status."""
        if self.runs():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode
