"""The network between a program and a service: a TCP proxy that delays, cuts, forgets or narrows what passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Literal

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536
NARROW_CHUNK_BYTES = 2_048
QUEUED_CHUNKS = 64

Mode = Literal["open", "cut", "half-open"]


@dataclass
class Link:
    """One way through: listens on `port`, leads to `target_port`.

    `mode`: `cut` ends every connection and refuses new ones; `half-open` lets connections stand and swallows what is sent on
    them. `delay_s` holds back every chunk in both directions, `bytes_per_s` (None: no limit) is what passes in each direction.
    """

    name: str
    port: int
    target_port: int
    mode: Mode = "open"
    delay_s: float = 0.0
    bytes_per_s: float | None = None
    passed_bytes: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, HOST, self.port)

    def heal(self) -> None:
        """Be a good network again. What stood half-open is ended: its other end has forgotten it."""
        was, self.mode, self.delay_s, self.bytes_per_s = self.mode, "open", 0.0, None
        if was != "open":
            self.end_all()

    def end_all(self) -> None:
        """Reset every connection."""
        for writer in list(self.writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "cut":
            writer.transport.abort()
            return
        self.writers.add(writer)
        try:
            if self.mode == "half-open":  # the handshake was answered by whoever stands in between
                while await reader.read(CHUNK_BYTES):
                    pass
                return
            there_reader, there_writer = await asyncio.open_connection(HOST, self.target_port)
            self.writers.add(there_writer)
            try:
                await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
            finally:
                self.writers.discard(there_writer)
                there_writer.transport.abort()
        except OSError:
            pass  # the service is down, or an end hung up
        finally:
            self.writers.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what comes until one end hangs up; what is delayed does not hold up what comes behind it."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_CHUNKS)
        loop = asyncio.get_running_loop()
        writing = asyncio.create_task(self._write(queue, writer))
        try:
            while data := await reader.read(CHUNK_BYTES if self.bytes_per_s is None else NARROW_CHUNK_BYTES):
                if self.mode != "half-open":
                    await queue.put((loop.time() + self.delay_s, data))
            await queue.put((loop.time(), b""))
            await writing
        finally:
            writing.cancel()
            writer.transport.abort() if self.mode == "cut" else writer.close()

    async def _write(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await queue.get()
            if not data:
                return
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.passed_bytes += len(data)  # first: whoever has read it may ask at once
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            if self.bytes_per_s is not None:
                await asyncio.sleep(len(data) / self.bytes_per_s)


TURNS_S = 0.02
"""What was aborted ends in the loop's next turns; a loop that is closed before leaves it to the collector."""


class Network:
    """All links of an installation, served by a loop in a thread of its own."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def add(self, link: Link) -> None:
        self.links[link.name] = link
        self._servers.append(self._run(link.serve()))

    def change(self, change: Callable[[], None]) -> None:
        """Change links between two turns of their loop."""

        async def once() -> None:
            change()

        self._run(once())

    def close(self) -> None:
        async def end() -> None:
            for server in self._servers:
                server.close()
            for link in self.links.values():
                link.end_all()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(TURNS_S)

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
