"""Where the services are and how they do, in plain data for commands, tests and the demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

VARIABLE_OF = {"kafka": "KAFKA_BOOTSTRAP_SERVERS", "redis": "REDIS_URL"}
"""The environment variable that names a service which runs already; set, nothing is started for it."""


def service_of(server: str) -> str:
    """Return the service that a server is (a part of): `kafka-2` is one of Kafka's three brokers."""
    return server.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses that clients connect to, several brokers with commas. `*_is_local` tells whether this stack runs the service."""

    kafka: str
    redis_url: str = field(repr=False)  # may hold a password
    kafka_is_local: bool = True
    redis_is_local: bool = True


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server. `silent`: the process runs and does not answer (it starts, or hangs)."""

    name: str
    title: str
    state: Literal["up", "silent", "down"]
    address: str | None
    is_local: bool
    pid: int | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class StackStatus:
    """All servers and their state folder."""

    state_dir: Path
    servers: tuple[ServerStatus, ...]

    @property
    def up(self) -> bool:
        return all(server.state == "up" for server in self.servers)
