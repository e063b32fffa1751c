"""FedSecure's programs under a supervisor that starts again what ended, as every installation has one."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from programs import Program, clean_environ

from contracts.configuration.settings import Settings
from fedsecure.endpoints import environ_of
from fedsecure.local_stack.ports import choose_ports

ROOT = Path(__file__).parents[3]
RESTART_AFTER_S = 1.0
STOP_GRACE_S = 15.0


@dataclass(frozen=True)
class Resources:
    """What a process holds."""

    memory_mb: float
    files: int
    threads: int


@dataclass
class Supervised:
    """One program, started again by `tick` a second after it ended by itself."""

    name: str
    arguments: tuple[str, ...]
    settings: Settings
    folder: Path
    program: Program | None = None
    starts: int = 0
    ended_by_itself: list[int] = field(default_factory=list)
    _ended_at: float | None = None
    is_held_down: bool = False

    def __post_init__(self) -> None:
        self._port = choose_ports(["metrics"], {})["metrics"]
        self.clock_file = self.folder / f"{self.name}.clock"

    def start(self) -> None:
        self.is_held_down, self._ended_at = False, None
        environ = environ_of(self.settings) | {
            "FEDSECURE_METRICS_PORT": str(self._port), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "FEDSECURE_STATE_DIR": str(self.folder / "state"),
        }  # fmt: skip
        command = [sys.executable, "-m", "chaos.site.stepped_clock", str(self.clock_file), *self.arguments]
        self.program = Program(command, clean_environ(environ), self.folder / f"{self.name}-{self.starts}.log")
        self.starts += 1

    def tick(self) -> None:
        """Start it again if it ended by itself a while ago."""
        if self.program is None or self.is_held_down or self.program.runs():
            return
        now = time.monotonic()
        if self._ended_at is None:
            self._ended_at = now
            self.ended_by_itself.append(self.program.process.returncode)
        if now - self._ended_at >= RESTART_AFTER_S:
            self.start()

    def kill(self) -> None:
        """SIGKILL; it stays down until `start`."""
        self.is_held_down = True
        if self.program is not None:
            self.program.kill()

    def stop(self) -> int:
        """SIGTERM, and SIGKILL after a grace; it stays down until `start`."""
        self.is_held_down = True
        return 0 if self.program is None else self.program.stop(STOP_GRACE_S)

    def freeze(self, *, thaw: bool = False) -> None:
        if self.program is not None and self.program.runs():
            self.program.send(signal.SIGCONT if thaw else signal.SIGSTOP)

    def set_clock(self, offset_s: float) -> None:
        self.clock_file.write_text(f"{offset_s:g}")

    def probe(self, path: str, timeout_s: float = 2.0) -> tuple[int, str]:
        """Ask /readyz, /healthz or /metrics; status 0 means no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=timeout_s) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, name: str, text: str | None = None) -> float:
        """Return the sum of a metric over its labels, NaN where it is not exported."""
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text or self.probe("/metrics")[1], re.MULTILINE)
        return sum(map(float, found)) if found else float("nan")

    def resources(self) -> Resources | None:
        if self.program is None or not self.program.runs():
            return None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.program.pid)
            return Resources(process.memory_info().rss / 1e6, process.num_fds(), process.num_threads())
        return None

    @property
    def log(self) -> str:
        """Everything that it wrote, over all its starts."""
        logs = (self.folder / f"{self.name}-{number}.log" for number in range(self.starts))
        return "".join(log.read_text(errors="replace") for log in logs)
