"""A connection is answered, and bounded in what it may send, how slowly, and how many there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from contracts.errors import Misconfigured
from contracts.metrics import INGEST_CONNECTIONS, INGEST_CONNECTIONS_ENDED
from ingest.mllp.framing import framed
from ingest.mllp.server import Bounds, listening

LIMIT = 1000
Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Echo:
    """Answers with the message; waits before one that says so."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.answered: list[bytes] = []

    async def answer(self, raw: bytes) -> bytes:
        if raw == b"wait":
            await self.go_on.wait()
        self.answered.append(raw)
        return b"took " + raw

    def refuse(self, beginning: bytes, why: str) -> bytes:
        return b"refused " + beginning[:3]


@asynccontextmanager
async def served(answerer: Echo, *, connections: int = 5, within_s: float = 30.0) -> AsyncIterator[Open]:
    writers: list[asyncio.StreamWriter] = []
    async with listening(answerer, "127.0.0.1", 0, Bounds(LIMIT, within_s, connections), None) as port:

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            return reader, writer

        yield connect
    for writer in writers:
        writer.close()


def ended(reason: str) -> float:
    return INGEST_CONNECTIONS_ENDED.labels(reason)._value.get()


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return (await reader.readuntil(b"\x1c\r"))[1:-2]


async def rest(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def test_messages_are_answered_in_their_order_also_many_in_one_packet() -> None:
    async with served(Echo()) as connect:
        reader, writer = await connect()
        writer.write(framed(b"a") + framed(b"b") + b"\x0bc")
        assert [await answer(reader), await answer(reader)] == [b"took a", b"took b"]
        writer.write(b"\x1c\r")
        assert await answer(reader) == b"took c"


async def test_a_message_that_is_too_long_is_refused_and_the_connection_closed() -> None:
    before = ended("too_long")
    async with served(Echo()) as connect:
        reader, writer = await connect()
        writer.write(framed(b"a") + b"\x0bMSH" + b"x" * LIMIT)
        assert [await answer(reader), await answer(reader)] == [b"took a", b"refused MSH"]
        assert await rest(reader) == b""
    assert ended("too_long") == before + 1


async def test_a_hundred_megabytes_end_the_connection_early() -> None:
    async with served(Echo()) as connect:
        _, writer = await connect()
        sent = 0
        writer.write(b"\x0b")
        with suppress(ConnectionError):
            while sent < 100_000_000:
                writer.write(b"x" * 1_000_000)
                await writer.drain()
                sent += 1_000_000
        assert sent < 50_000_000


async def test_a_message_that_has_begun_must_end_in_time_while_silence_between_messages_may_last() -> None:
    before = ended("too_slow")
    async with served(Echo(), within_s=0.2) as connect:
        idle_reader, idle_writer = await connect()
        slow_reader, slow_writer = await connect()
        slow_writer.write(b"\x0bM")
        assert await rest(slow_reader) == b""
        idle_writer.write(framed(b"a"))
        assert await answer(idle_reader) == b"took a"
    assert ended("too_slow") == before + 1


async def test_bytes_that_trickle_do_not_prolong_a_message() -> None:
    async with served(Echo(), within_s=0.3) as connect:
        reader, writer = await connect()
        writer.write(b"\x0b")
        closed = asyncio.ensure_future(rest(reader))
        while not closed.done():
            writer.write(b"x")
            await asyncio.sleep(0.05)
        assert await closed == b""


async def test_connections_beyond_the_limit_are_closed_and_counted_and_the_others_stay() -> None:
    before = ended("too_many")
    async with served(Echo(), connections=2) as connect:
        kept = [await connect(), await connect()]
        for reader, writer in kept:
            writer.write(framed(b"a"))
            assert await answer(reader) == b"took a"
        one_more, _ = await connect()
        assert await rest(one_more) == b""
        assert INGEST_CONNECTIONS._value.get() == 2
        for reader, writer in kept:
            writer.write(framed(b"b"))
            assert await answer(reader) == b"took b"
    assert ended("too_many") == before + 1
    assert INGEST_CONNECTIONS._value.get() == 0


async def test_somebody_who_speaks_something_else_is_closed() -> None:
    async with served(Echo()) as connect:
        reader, writer = await connect()
        writer.write(b"GET / HTTP/1.1\r\n" * 100)
        assert await rest(reader) == b""


async def test_what_is_not_answered_when_it_stops_stays_unanswered() -> None:
    echo = Echo()
    async with served(echo) as connect:
        reader, writer = await connect()
        writer.write(framed(b"a") + framed(b"wait"))
        assert await answer(reader) == b"took a"
    assert await rest(reader) == b""
    assert echo.answered == [b"a"]


async def test_a_taken_port_and_an_address_of_elsewhere_are_said_in_a_sentence() -> None:
    bounds = Bounds(LIMIT, 1.0, 1)
    async with listening(Echo(), "127.0.0.1", 0, bounds, None) as port:
        for host, wrong in (("127.0.0.1", port), ("999.1.1.1", 0), ("192.0.2.1", 0)):
            with pytest.raises(Misconfigured, match=r"is taken|of this machine"):
                async with listening(Echo(), host, wrong, bounds, None):
                    pass
