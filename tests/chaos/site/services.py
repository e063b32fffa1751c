"""Kafka and Redis on a small disk of their own, each program's way to them through a link."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from chaos.site.links import HOST, Link, Network
from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.kafka.broker import KafkaBroker
from fedsecure.local_stack.kafka.jars import Announce
from fedsecure.local_stack.ports import PortsOf, choose_ports
from fedsecure.local_stack.state_file import StateFile

DISK_BYTES = 400_000_000
FILLER = "filler"
STARTS = 3


class LinkedBroker(KafkaBroker):
    """A broker with a listener more for each program, under whose name it tells the program to come through its link."""

    def __init__(self, folder: Path, listeners: dict[str, tuple[int, int]]) -> None:
        super().__init__(folder)
        self._listeners = {name.upper().replace("-", "_"): ports for name, ports in listeners.items()}

    def prepare(self, ports_of: PortsOf, announce: Announce) -> None:
        super().prepare(ports_of, announce)
        more = {
            "listeners": [f"{name}://{HOST}:{port}" for name, (port, _) in self._listeners.items()],
            "advertised.listeners": [f"{name}://{HOST}:{link}" for name, (_, link) in self._listeners.items()],
            "listener.security.protocol.map": [f"{name}:PLAINTEXT" for name in self._listeners],
        }
        lines = self._properties.read_text().splitlines()
        for at, line in enumerate(lines):
            if additions := more.get(line.partition("=")[0]):
                lines[at] = ",".join([line, *additions])
        self._properties.write_text("\n".join(lines) + "\n")


class Services:
    """A fresh Kafka and Redis. A context manager: both end with it, and the disk is taken away again.

    `small_disk`: the state folder is a file system in memory that can be filled, where this process may mount one.
    """

    def __init__(self, folder: Path, programs: Sequence[str], *, small_disk: bool = True) -> None:
        self.state_dir = folder / "state"
        self.network = Network()
        self._wants_disk = small_disk
        self.has_small_disk = False
        names = [f"{program}-{what}" for program in programs for what in ("listener", "kafka", "redis")]
        self._ports = choose_ports(names, {})
        self._programs = tuple(programs)
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            closing.callback(self.network.close)
            self.state_dir.mkdir(parents=True, exist_ok=True)
            self.has_small_disk = self._wants_disk and _mounted(self.state_dir)
            if self.has_small_disk:
                closing.callback(_unmount, self.state_dir)
            self.stack = LocalStack(self.state_dir, environ={})
            listeners = {
                name: (self._ports[f"{name}-listener"], self._ports[f"{name}-kafka"]) for name in self._programs
            }
            self.stack._servers["kafka"] = LinkedBroker(self.state_dir / "kafka", listeners)
            closing.enter_context(self.stack)
            self._link(self.stack.endpoints().redis_url)
            self._closing = closing.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free_disk()
        self._closing.__exit__(kind, error, trace)

    def _link(self, redis_url: str) -> None:
        redis_port = int(redis_url.rpartition(":")[2].partition("/")[0])
        for name in self._programs:
            kafka, redis = self._ports[f"{name}-kafka"], self._ports[f"{name}-redis"]
            self.network.add(Link(f"{name}-kafka", kafka, self._ports[f"{name}-listener"]))
            self.network.add(Link(f"{name}-redis", redis, redis_port))

    def direct(self, settings: Settings) -> Settings:
        """Return settings that reach the services without a link: whoever judges is not disturbed."""
        endpoints = self.stack.endpoints()
        return settings.model_copy(
            update={"kafka_bootstrap_servers": endpoints.kafka, "redis_url": endpoints.redis_url}
        )

    def through_links(self, settings: Settings, program: str) -> Settings:
        """Return settings by which a program reaches the services through its links."""
        kafka, redis = self._ports[f"{program}-kafka"], self._ports[f"{program}-redis"]
        return settings.model_copy(
            update={"kafka_bootstrap_servers": f"{HOST}:{kafka}", "redis_url": f"redis://{HOST}:{redis}/0"}
        )

    def process_of(self, server: str) -> psutil.Process | None:
        record = StateFile(self.state_dir).read().get(server)
        return None if record is None or record.process is None else record.process.find()

    def start(self, server: str) -> None:
        """Start a server that was killed, as whoever looks after it would: again, if it does not come up."""
        for attempt in range(STARTS):
            try:
                self.stack.start(server)
            except FedSecureError:
                if attempt == STARTS - 1:
                    raise
            else:
                return

    def fill_disk(self) -> None:
        """Write until the state folder's disk is full."""
        with suppress(OSError), (self.state_dir / FILLER).open("wb", buffering=0) as filler:
            while filler.write(b"\0" * 1_000_000):
                pass

    @property
    def is_disk_full(self) -> bool:
        return (self.state_dir / FILLER).exists()

    def free_disk(self) -> None:
        (self.state_dir / FILLER).unlink(missing_ok=True)


def _mounted(folder: Path) -> bool:
    if os.geteuid() != 0:
        return False
    options = f"size={DISK_BYTES},mode=0700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    return done.returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)
