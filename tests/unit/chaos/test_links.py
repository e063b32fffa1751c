"""A link carries what is sent on it, and harms it as it is told to."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest
from chaos.site.links import HOST, TURNS_S, Link, Network

from fedsecure.local_stack.ports import choose_ports


@pytest.fixture
def link() -> Iterator[Link]:
    """A link to a server that sends back what it gets."""
    ports = choose_ports(["link", "echo"], {})
    loop = asyncio.new_event_loop()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(echo, HOST, ports["echo"]))
    serving = Thread(target=loop.run_forever, daemon=True)
    serving.start()
    network = Network()
    made = Link("to echo", ports["link"], ports["echo"])
    network.add(made)
    made.change = network.change  # type: ignore[attr-defined]
    yield made
    network.close()
    asyncio.run_coroutine_threadsafe(_end(server), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    serving.join(5)
    loop.close()


async def _end(server: asyncio.Server) -> None:
    """Leave nothing that a closed loop would complain of, in whatever test runs then."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(TURNS_S)


def connect(link: Link) -> socket.socket:
    return socket.create_connection((HOST, link.port), timeout=5)


def answered(connection: socket.socket, data: bytes = b"hello") -> bytes:
    connection.sendall(data)
    found = b""
    while len(found) < len(data) and (more := connection.recv(65_536)):
        found += more
    return found


def is_ended(connection: socket.socket) -> bool:
    """Whether the other end hangs up, in order or not, and answers nothing."""
    try:
        return answered(connection) == b""
    except ConnectionError:
        return True


def test_bytes_pass_both_ways_and_unchanged(link: Link) -> None:
    data = bytes(range(256)) * 2000
    with closing(connect(link)) as connection:
        assert answered(connection, data) == data
    assert link.passed_bytes == 2 * len(data)


def test_a_delayed_link_holds_back_and_loses_nothing(link: Link) -> None:
    link.change(lambda: setattr(link, "delay_s", 0.1))
    with closing(connect(link)) as connection:
        began = time.monotonic()
        assert answered(connection) == b"hello"
        assert time.monotonic() - began >= 0.2, "there and back"
    link.change(link.heal)
    with closing(connect(link)) as connection:
        assert answered(connection) == b"hello"


def test_a_narrow_link_takes_its_time(link: Link) -> None:
    link.change(lambda: setattr(link, "bytes_per_s", 100_000.0))
    with closing(connect(link)) as connection:
        began = time.monotonic()
        assert len(answered(connection, b"x" * 20_000)) == 20_000
        assert time.monotonic() - began >= 0.1


def test_a_cut_link_ends_what_stands_and_refuses_what_comes(link: Link) -> None:
    with closing(connect(link)) as before:
        assert answered(before) == b"hello"
        link.change(lambda: (setattr(link, "mode", "cut"), link.end_all()))
        assert is_ended(before)
    with closing(connect(link)) as during:
        assert is_ended(during)
    link.change(link.heal)
    with closing(connect(link)) as after:
        assert answered(after) == b"hello"


def test_a_half_open_link_swallows_what_is_sent_and_is_ended_when_it_heals(link: Link) -> None:
    with closing(connect(link)) as before:
        assert answered(before) == b"hello"
        link.change(lambda: setattr(link, "mode", "half-open"))
        before.settimeout(0.3)
        with pytest.raises(TimeoutError):
            answered(before)
        with closing(connect(link)) as during:
            during.settimeout(0.3)
            with pytest.raises(TimeoutError):
                answered(during)
            link.change(link.heal)
            for connection in (before, during):
                connection.settimeout(5)
                assert is_ended(connection)
    with closing(connect(link)) as after:
        assert answered(after) == b"hello"


def test_a_link_to_a_service_that_is_down_ends_its_connections(link: Link) -> None:
    link.change(lambda: setattr(link, "target_port", choose_ports(["none"], {})["none"]))
    with closing(connect(link)) as connection:
        assert is_ended(connection)
