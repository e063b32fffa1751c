"""Listens for gateways: so many connections, messages so long and so quick, and an answer to each."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.metrics import INGEST_BAD_FRAMES, INGEST_CONNECTIONS, INGEST_CONNECTIONS_ENDED
from ingest.mllp.framing import Deframer, NoFraming, TooLong, framed
from transport.certificates.server import ServerCertificate, why_not
from transport.listening import cannot_listen
from transport.log_throttle import Throttle

READ_BYTES: Final = 65_536
HANDSHAKE_S: Final = 10.0
log = structlog.get_logger()


class Answerer(Protocol):
    """What is said to messages. `ingest.hl7.receiver.Receiver` is the real one."""

    async def answer(self, raw: bytes) -> bytes:
        """Return the answer to a message. Never raises."""

    def refuse(self, beginning: bytes, why: str) -> bytes:
        """Return the answer to a message that is not read to its end."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may do."""

    message_bytes: int
    message_within_s: float
    connections: int

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """Return the bounds that the settings give."""
        return cls(settings.ingest_max_message_bytes, settings.ingest_message_within_s, settings.ingest_max_connections)


@dataclass(slots=True)
class MllpServer:
    """Serves connections, each in a task of its own. Its messages are answered in their order, one at a time."""

    answerer: Answerer
    bounds: Bounds
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _throttle: Throttle = field(default_factory=Throttle)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end. Never raises."""
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._tasks) >= self.bounds.connections:
                self._ended("too_many")
                return
            self._tasks.add(task)
            INGEST_CONNECTIONS.set(len(self._tasks))
            _notice_dead_peers(writer)
            await self._converse(reader, writer)
        except (OSError, EOFError):
            pass  # the gateway went away: what it has no answer to comes again
        finally:
            self._tasks.discard(task)
            INGEST_CONNECTIONS.set(len(self._tasks))
            writer.close()

    async def close(self) -> None:
        """End all connections. A message that is not answered yet comes again."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deframer = Deframer(self.bounds.message_bytes, INGEST_BAD_FRAMES.inc)
        deadline: float | None = None
        try:
            while True:
                async with asyncio.timeout(None if deadline is None else max(0.0, deadline - monotonic())):
                    data = await reader.read(READ_BYTES)
                if not data:
                    return
                was_open, answered = deframer.is_open, False
                for message in deframer.feed(data):
                    await self._say(writer, await self.answerer.answer(message))
                    answered = True
                if not deframer.is_open:
                    deadline = None
                elif answered or not was_open:
                    deadline = monotonic() + self.bounds.message_within_s
        except TimeoutError:
            self._ended("too_slow")
        except NoFraming:
            self._ended("no_framing")
        except TooLong as error:
            self._ended("too_long")
            await self._say(writer, self.answerer.refuse(error.beginning, str(error)))

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(framed(answer))
        async with asyncio.timeout(self.bounds.message_within_s):
            await writer.drain()

    def _ended(self, reason: str) -> None:
        INGEST_CONNECTIONS_ENDED.labels(reason).inc()
        if self._throttle.may_say(reason):
            log.warning("connection_ended", reason=reason, connections=len(self._tasks))


@asynccontextmanager
async def listening(
    answerer: Answerer, host: str, port: int, bounds: Bounds, tls: ssl.SSLContext | None
) -> AsyncIterator[int]:
    """Listen while inside. Gives the port. Raises Misconfigured when the address cannot be had."""
    served = MllpServer(answerer, bounds)
    handshake_s = HANDSHAKE_S if tls else None
    try:
        server = await asyncio.start_server(served.serve, host, port, ssl=tls, ssl_handshake_timeout=handshake_s)
    except (OSError, ValueError) as error:
        raise cannot_listen(host, port, "FEDSECURE_INGEST", error) from None
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await served.close()


def _notice_dead_peers(writer: asyncio.StreamWriter) -> None:
    """A gateway whose machine is gone would hold its connection for ever. Idle ones that live may."""
    with suppress(OSError, AttributeError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Return the listener's TLS, None where no certificate is set. Raises Misconfigured for files that do not do."""
    cert, key, ca = settings.ingest_tls_cert_file, settings.ingest_tls_key_file, settings.ingest_tls_client_ca_file
    if cert is None:
        return None
    context = ServerCertificate(cert, key).context
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ValueError) as error:
            raise Misconfigured(f"the CA of gateways {ca} cannot be used ({why_not(error)}): PEM") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context
