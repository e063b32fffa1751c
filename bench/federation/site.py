"""The services' side of a federation to measure: topics, benign devices, the real coordinator and the hosts as processes."""

from __future__ import annotations

import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import psutil

from bench.federation.host import host_devices
from bench.services import PATIENCE_S, show_benign
from bench.ward import device_name
from contracts.configuration.settings import Settings
from fedsecure.endpoints import environ_of
from transport.device_status_reader import RedisDeviceStatusReader
from transport.kafka.admin import ensure_topics
from transport.redis_client import connect_redis

DEVICES_A_HOST: Final = 50
TOPICS_AT_ONCE: Final = 100
GRACE_S: Final = 20.0
SLOW_TRAIN_S: Final = 5.0
LAST_WORDS_CHARS: Final = 2000
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def prepare(settings: Settings, devices: int) -> None:
    """Make the topics that workers and hosts make, and write what a worker would show of healthy devices."""
    topics, names = settings.topics, [device_name(number) for number in range(devices)]
    ensure_topics(settings, topics.fixed())
    for first in range(0, devices, TOPICS_AT_ONCE):
        ensure_topics(settings, [topics.fl_updates_spec(name) for name in names[first : first + TOPICS_AT_ONCE]])
    show_benign(settings, names)


@dataclass(slots=True)
class Hosts:
    """The hosts' processes, DEVICES_A_HOST devices each. `slow` of them train for longer than a round takes.

    They are forked from one that has imported all they need: twenty imports would take a minute.
    """

    settings: Settings
    devices: int
    folder: Path
    slow: int = 0
    running: list[BaseProcess] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many hosts there are."""
        return math.ceil(self.devices / DEVICES_A_HOST)

    def start(self) -> None:
        """Start all and wait until every device is present; raises RuntimeError if one does not come."""
        self.running = [self._started(number) for number in range(self.count)]
        names = [device_name(number) for number in range(self.devices)]
        deadline = time.monotonic() + PATIENCE_S
        with connect_redis(self.settings) as client:
            reader = RedisDeviceStatusReader(client, self.settings.redis_keys)
            while len(reader.present(names)) < self.devices:
                if time.monotonic() > deadline or not all(host.is_alive() for host in self.running):
                    raise RuntimeError(f"not every device came: {last_words(self._log)}")
                time.sleep(0.2)

    def kill(self, number: int) -> None:
        """End one at once, with all its devices."""
        self.running[number].kill()
        self.running[number].join()

    def restart(self, number: int) -> None:
        """Start one again."""
        self.running[number] = self._started(number)

    def stop(self) -> None:
        """End all."""
        for host in self.running:
            host.terminate()
        deadline = time.monotonic() + GRACE_S
        for host in self.running:
            host.join(max(0.1, deadline - time.monotonic()))
            host.kill()

    @property
    def _log(self) -> Path:
        return self.folder / "hosts.log"

    def _started(self, number: int) -> BaseProcess:
        first = number * DEVICES_A_HOST
        names = [device_name(device) for device in range(first, min(first + DEVICES_A_HOST, self.devices))]
        train_s = SLOW_TRAIN_S if number >= self.count - self.slow else 0.0
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload([host_devices.__module__])
        process = forking.Process(
            target=host_devices, args=(self.settings, names, self.folder / "keys", train_s, self._log), daemon=True
        )
        process.start()
        return process


@dataclass(slots=True)
class Usage:
    """What a process has used since it began: processor time, and the most memory it ever held."""

    cpu_s: float
    peak_mb: float


@contextmanager
def coordinator(settings: Settings, rounds: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `fedsecure coordinator` for so many rounds."""
    command = [sys.executable, "-m", "fedsecure", "coordinator", "--rounds", str(rounds)]
    environment = os.environ | environ_of(settings) | ONE_THREAD
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def usage(process: subprocess.Popen[bytes], log: Path) -> Usage:
    """Return what a process that runs has used; raises RuntimeError, with the end of its log, when it has ended."""
    try:
        times = psutil.Process(process.pid).cpu_times()
        status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    except (psutil.NoSuchProcess, FileNotFoundError):
        raise RuntimeError(f"the coordinator ended with {process.wait()}: {last_words(log)}") from None
    (peak_kb,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return Usage(times.user + times.system, int(peak_kb) / 1000)


def last_words(log: Path) -> str:
    """Return the end of what processes said."""
    return log.read_text("utf-8", errors="replace")[-LAST_WORDS_CHARS:] if log.exists() else "nothing was said"
