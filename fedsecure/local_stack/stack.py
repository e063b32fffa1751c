"""Kafka and Redis together: started, found again, waited for and ended as one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from contracts.errors import Misconfigured
from fedsecure.local_stack.external import external_services
from fedsecure.local_stack.kafka.jars import Announce
from fedsecure.local_stack.launching import (
    GRACE_S,
    Server,
    launch_on_record,
    sizes_of,
    wait_until_answers,
    writing_into,
)
from fedsecure.local_stack.layout import check_layout, data_folders, plan_ports, prepare_site, secure_site, servers_of
from fedsecure.local_stack.ports import PortsOf
from fedsecure.local_stack.processes import ProcessId, kill, signals_held, start_detached, stop_all
from fedsecure.local_stack.state_file import ServerRecord, StateFile
from fedsecure.local_stack.state_folder import default_state_dir
from fedsecure.local_stack.status import VARIABLE_OF, Endpoints, ServerStatus, StackStatus, service_of
from fedsecure.security.provisioning import apply


class LocalStack:
    """A real Kafka (of one broker or three) and a real Redis on loopback, with all data and logs in one folder.

    `up()` leaves them running for `down()`, whoever calls it. As a context manager they belong to this process: they
    end with the block, and also if the process is killed; servers that ran before are used and left running.
    Services that the environment names (KAFKA_BOOTSTRAP_SERVERS, REDIS_URL) are used and never started or ended.
    `brokers` is 1 or 3; unset, it is as many as the folder has data of, one if it has none. `secure`: with TLS, log-ins and
    rights (`site` holds them); unset, as the folder is.
    """

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        brokers: int | None = None,
        secure: bool | None = None,
        environ: Mapping[str, str] = os.environ,
        announce: Announce = lambda _text: None,
    ) -> None:
        self.state_dir = state_dir.absolute() if state_dir else default_state_dir(environ)
        self._announce = announce
        self._state = StateFile(self.state_dir)
        self._external = external_services(environ)
        self.site = secure_site(self.state_dir, secure, self._external)
        servers = servers_of(self.state_dir, brokers, self.site)
        self._servers = {each.name: each for each in servers if service_of(each.name) not in self._external}
        self._owner: ProcessId | None = None
        self._guard: ProcessId | None = None
        self._started: set[str] = set()
        self._log_sizes: dict[str, dict[Path, int]] = {}

    def up(self) -> Endpoints:
        """Start what does not run, wait until all answer, return where they are.

        Blocks for 3-5 s (12 s for three brokers, longer for the first download). Raises Unavailable or Misconfigured; then, and on Ctrl-C,
        what this call started is ended again.
        """
        for service in self._external.values():
            self._announce(f"using {service.title} at {service.shown} ({VARIABLE_OF[service.name]}); starting none")
            service.wait_until_answers()
        with self._state.locked():
            self._start_all(self._servers.values(), provision=True)
        return self.endpoints()

    def down(self) -> list[str]:
        """End all servers of this state folder, whoever started them. Returns their names. Data and logs stay."""
        with self._state.locked():
            return self._stop(name for name, record in self._state.read().items() if record.runs())

    def down_started(self) -> None:
        """End the servers that this object started, and no other, for a caller of `up()` that cannot go on."""
        with signals_held(), self._state.locked():
            self._stop(self._started)

    def down_owned_by(self, owner: ProcessId, among: Container[str] | None = None) -> None:
        """End the servers (all, or those named) that belong to a process which used this stack as a context manager."""
        with self._state.locked():
            owned = [name for name, record in self._state.read().items() if record.owner == owner]
            self._stop(name for name in owned if among is None or name in among)

    def wipe(self) -> None:
        """Delete the local servers' data and logs. Raises Misconfigured while one runs."""
        with self._state.locked():
            if running := [name for name, record in self._state.read().items() if record.runs()]:
                raise Misconfigured(f"{' and '.join(running)} still runs: run `fedsecure stack down` first")
            for folder in data_folders(self.state_dir):
                shutil.rmtree(folder, ignore_errors=True)

    def endpoints(self) -> Endpoints:
        """Return the addresses of the running services, without asking them. Raises Misconfigured if one is down.

        Kafka is up while most of its brokers are. All of them are named: the one that is down may come back.
        """
        addresses = {name: service.address for name, service in self._external.items()}
        records = self._state.read()
        for name in (name for name in VARIABLE_OF if name not in self._external):
            servers = [server for server in self._servers.values() if service_of(server.name) == name]
            down = [server for server in servers if server.name not in records or not records[server.name].runs()]
            if 2 * len(down) >= len(servers):
                raise Misconfigured(
                    f"{down[0].title} of the local stack in {self.state_dir} does not run: run `fedsecure stack up`, or "
                    f"set {VARIABLE_OF[name]}"
                )
            known = [server for server in servers if server.name in records]
            addresses[name] = ",".join(server.address(records[server.name].ports) for server in known)
        local = {name: name not in self._external for name in addresses}
        return Endpoints(addresses["kafka"], addresses["redis"], local["kafka"], local["redis"])

    def status(self) -> StackStatus:
        """Ask every service whether it answers. Blocks for up to a few seconds if one does not."""
        records = self._state.read()
        servers = [service.status() for service in self._external.values()]
        servers += [_status(server, records.get(name)) for name, server in self._servers.items()]
        return StackStatus(self.state_dir, tuple(sorted(servers, key=lambda server: server.name)))

    def kill(self, name: str) -> None:
        """End a server (`kafka`, `redis`; of three brokers `kafka-2`) by SIGKILL, as a power cut would. What Redis held is gone."""
        self._local(name)
        with self._state.locked():
            record = self._state.read().get(name)
            if record is not None and record.process is not None:
                kill(record.process)

    def start(self, name: str) -> None:
        """Start a server again on its port and data, and wait until it answers (7 s for Kafka after a kill)."""
        with self._state.locked():
            self._start_all([self._local(name)])

    def __enter__(self) -> Self:
        self._owner = ProcessId.of_this_process()
        try:
            self.up()
        except BaseException:
            self._end_guard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with signals_held():
            if self._owner is not None:
                self.down_owned_by(self._owner, among=self._started)
            self._end_guard()

    def _start_all(self, servers: Iterable[Server], *, provision: bool = False) -> None:
        started: list[str] = []
        check_layout(self.state_dir, tuple(self._servers.values()))
        ports_of = plan_ports(tuple(self._servers.values()), self._state.read())
        if self.site is not None:
            with writing_into(self.state_dir):
                prepare_site(self.site, tuple(self._servers.values()), ports_of)
        try:
            for server in servers:
                self._start(server, ports_of, started)
            for server in servers:
                wait_until_answers(server, self._state, self._log_sizes.get(server.name, sizes_of(server.logs)))
            if provision and self.site is not None and not self._external:
                apply(self.site)
        except BaseException:
            with signals_held():
                self._stop(started)
            raise

    def _start(self, server: Server, ports_of: PortsOf, started: list[str]) -> None:
        record = self._state.read().get(server.name)
        if record is not None and record.runs():
            self._announce(f"{server.title} runs already on {server.address(record.ports)}")
            if self._owner is None and record.owner is not None:
                self._state.note(server.name, ServerRecord(record.process, record.ports, owner=None))
            return
        ports = dict(ports_of[server.name])
        with writing_into(self.state_dir):
            server.prepare(ports_of, self._announce)
            self._announce(f"starting {server.title} on {server.address(ports)}, log in {server.log}")
            self._start_guard()
            self._log_sizes[server.name] = sizes_of(server.logs)
            with signals_held():
                launch_on_record(server, ports, self._state, self._owner)
                started.append(server.name)
                self._started.add(server.name)

    def _stop(self, names: Iterable[str]) -> list[str]:
        chosen = set(names)
        records = {name: record for name, record in self._state.read().items() if name in chosen}
        stop_all(
            {each.process: GRACE_S[service_of(name)] for name, each in records.items() if each.process is not None}
        )
        for name, record in records.items():
            with contextlib.suppress(OSError):  # on a full disk the record stays, of a process that is gone
                self._state.note(name, ServerRecord(None, record.ports))
        return list(records)

    def _local(self, name: str) -> Server:
        if name in self._servers:
            return self._servers[name]
        if (service := service_of(name)) in self._external:
            raise Misconfigured(
                f"{name} is the environment's ({VARIABLE_OF[service]}), not this stack's to start or end"
            )
        raise Misconfigured(f"{name} is no server of this stack, which has {', '.join(self._servers)}")

    def _start_guard(self) -> None:
        if self._owner is None or (self._guard is not None and self._guard.find()):
            return
        owner = (str(self._owner.pid), str(self._owner.created_at_s), str(self.state_dir))
        command = [sys.executable, "-P", "-m", "fedsecure.local_stack.guard", *owner]
        with signals_held():
            self._guard = start_detached(command, dict(os.environ), self.state_dir / "guard.log")

    def _end_guard(self) -> None:
        if self._guard is not None:
            kill(self._guard)


def _status(server: Server, record: ServerRecord | None) -> ServerStatus:
    if record is None or record.process is None or not record.runs():
        return ServerStatus(server.name, server.title, "down", None, is_local=True, log=server.log)
    state: Literal["up", "silent"] = "up" if server.answers(record.ports) else "silent"
    address = server.address(record.ports)
    return ServerStatus(
        server.name, server.title, state, address, is_local=True, pid=record.process.pid, log=server.log
    )
