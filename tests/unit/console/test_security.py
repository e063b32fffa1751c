"""Who may open the console, and what it answers to those who may not."""

from __future__ import annotations

import asyncio
import re
import socket
import time

import pytest
from aiohttp.test_utils import TestClient, TestServer
from set_gate import SetGate

from console.program import ConsoleProgram, token_for
from console.stage import Stage
from console.web.access import AccessControl
from console.web.inject import AttackChoice, Injector
from console.web.security import is_loopback
from console.web.server import build_app
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured

TOKEN = "a-token-of-some-length"
SETTINGS = Settings(kafka_bootstrap_servers="127.0.0.1:1", prefix="t")
CHOICE = AttackChoice("backdoor-1", "ramp, then hold", {"strong": "up 20 bpm"})
START = {"action": "start", "device_id": "p1", "attack": "backdoor-1", "level": "strong"}


class NoDevices:
    def known_devices(self) -> list[str]:
        return []

    def statuses(self, device_ids):
        return {}


@pytest.fixture
async def open_console():
    """Return a client of a console with these rules; requests follow no redirect by themselves."""
    clients = []

    async def open_it(names: tuple[str, ...] = (), *, inject: bool = False) -> TestClient:
        stage = Stage(SETTINGS, NoDevices(), time.time)
        injector = Injector(SETTINGS, [CHOICE]) if inject else None
        app = build_app(stage, AccessControl(names, None), injector, SetGate())
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield open_it
    for client in clients:
        await client.close()


async def test_every_answer_carries_the_policy_errors_included(open_console) -> None:
    client = await open_console()
    for path in ("/", "/rounds", "/device/p1", "/static/theme.css", "/nowhere", "/api/inject"):
        answer = await client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "aiohttp" not in answer.headers["Server"]
        assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8100", "127.0.0.1.evil.example", ""])
async def test_a_host_that_is_not_ours_gets_nothing(open_console, host) -> None:
    client = await open_console(names=("ward.hospital",))
    assert (await client.get("/", headers={"Host": host})).status == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8100", "localhost", "[::1]:8100", "10.0.0.7", "WARD.hospital:8100"])
async def test_our_own_hosts_are_answered(open_console, host) -> None:
    client = await open_console(names=("ward.hospital",))
    assert (await client.get("/", headers={"Host": host})).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_written_without_the_flag(open_console, method) -> None:
    client = await open_console()
    for path in ("/", "/api/inject", "/api/stream/wall", "/api/rounds/1"):
        assert (await client.request(method, path, json=START)).status == 405
    assert (await (await client.get("/api/inject")).json()) == {"attacks": None}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_another_site_cannot_start_an_attack(open_console, headers) -> None:
    client = await open_console(inject=True)
    headers = {"Content-Type": "application/json"} | headers
    assert (await client.post("/api/inject", data="{}", headers=headers)).status == 403


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{", "{}", '{"action":"start"}', '{"action":"start","device_id":"../x","attack":"backdoor-1"}',
        '{"action":"start","device_id":"p1","attack":"no-such"}',
        '{"action":"start","device_id":"p1","attack":"backdoor-1","level":"huge"}',
        '{"action":"start","device_id":"p1","attack":"backdoor-1","duration_min":0}', '{"a":"' + "x" * 3000 + '"}',
    ],
)  # fmt: skip
async def test_a_bad_order_is_refused(open_console, body) -> None:
    client = await open_console(inject=True)
    answer = await client.post("/api/inject", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400


async def test_static_files_cannot_be_left(open_console) -> None:
    client = await open_console()
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py", "/static/"):
        assert (await client.get(path)).status in {403, 404}


def test_no_console_is_opened_to_others_without_a_token(tmp_path) -> None:
    assert token_for(SETTINGS) is None
    in_a_container = SETTINGS.model_copy(update={"console_host": "0.0.0.0", "console_published_on": "127.0.0.1"})
    assert token_for(in_a_container) is None
    for beyond in ({"console_published_on": "0.0.0.0"}, {"console_host": "192.0.2.1"}, {"console_host": "::"}):
        with pytest.raises(Misconfigured, match="FEDSECURE_CONSOLE_TOKEN_FILE"):
            token_for(SETTINGS.model_copy(update=beyond))
    with pytest.raises(Misconfigured, match="too short"):
        token_for(Settings(console_token="short"))
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    assert token_for(Settings(console_token_file=secret, console_host="0.0.0.0")) == TOKEN
    with pytest.raises(Misconfigured, match="CONSOLE_TOKEN_FILE"):
        token_for(Settings(console_token_file=tmp_path / "none"))


def test_only_this_machine_is_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.4", "ward.hospital", "")] == [False] * 5


async def test_the_address_of_a_device_takes_its_name(open_console) -> None:
    client = await open_console()
    answer = await client.get("/device/ICU_03", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/device/icu-03")
    assert (await client.get("/device/icu-03", allow_redirects=False)).status == 200
    assert (await client.get("/device/%E5%BA%8A5", allow_redirects=False)).headers["Location"] == "/device/u5e8a-5"
    assert (await client.get("/device/!!", allow_redirects=False)).status == 200
    assert (await client.get("/api/stream/device/!!")).status == 404


async def test_a_port_or_an_address_that_cannot_be_had_is_named_with_its_setting():
    nowhere = {"kafka_bootstrap_servers": "127.0.0.1:9", "redis_url": "redis://127.0.0.1:9/0"}
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = Settings(console_port=other.getsockname()[1], **nowhere)
        with pytest.raises(
            Misconfigured, match=f"port {taken.console_port} on 127.0.0.1 is taken.*FEDSECURE_CONSOLE_PORT"
        ):
            await ConsoleProgram(taken, str).run(asyncio.Event())
    for host in ("192.0.2.1", "no.such.invalid", "a" * 70):
        elsewhere = Settings(console_port=0, console_host=host, console_token=TOKEN, **nowhere)
        with pytest.raises(Misconfigured, match=r"FEDSECURE_CONSOLE_HOST: .*of this machine"):
            await ConsoleProgram(elsewhere, str).run(asyncio.Event())


async def test_an_ipv6_address_is_printed_in_brackets():
    addresses: list[str] = []
    stop = asyncio.Event()
    stop.set()
    nowhere = {"kafka_bootstrap_servers": "127.0.0.1:9", "redis_url": "redis://127.0.0.1:9/0"}
    await ConsoleProgram(Settings(console_port=0, console_host="::1", **nowhere), addresses.append).run(stop)
    assert re.fullmatch(r"http://\[::1\]:\d+/", addresses[0])
