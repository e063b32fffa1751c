"""Logging in and out by the token, and what those get who have not."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from set_gate import SetGate
from structlog.testing import capture_logs

from console.stage import Stage
from console.web.access import AccessControl
from console.web.attempts import OF_ALL, OF_AN_ADDRESS, Attempts
from console.web.login import LoginPage
from console.web.server import build_app
from console.web.sessions import Sessions
from contracts.configuration.settings import Settings
from contracts.metrics import CONSOLE_LOGINS

TOKEN = "a-token-of-some-length"
PAGE = {"Accept": "text/html,application/xhtml+xml"}
EVERYTHING = ("/", "/rounds", "/device/p1", "/api/stream/wall", "/api/stream/device/p1", "/api/rounds/1", "/api/inject", "/api/session", "/v1/benign", "/static/live.js", "/nowhere")  # fmt: skip


class NoDevices:
    def known_devices(self) -> list[str]:
        return []

    def statuses(self, device_ids):
        return {}


class Desk:
    """A console with a token, whose clocks stand until they are moved."""

    def __init__(self) -> None:
        self.now = time.time()
        self.attempts = Attempts(self.clock)
        self.sessions = Sessions(TOKEN, 3600.0, self.clock)
        self.stage = Stage(Settings(kafka_bootstrap_servers="127.0.0.1:1", prefix="t"), NoDevices(), time.time)
        app = build_app(self.stage, AccessControl((), LoginPage(self.sessions, self.attempts)), None, SetGate())
        self.client = TestClient(TestServer(app))

    def clock(self) -> float:
        return self.now

    async def log_in(self, token: str = TOKEN, wanted: str = "/", **headers: str):
        form = {"token": token, "next": wanted}
        return await self.client.post("/login", data=form, headers=headers, allow_redirects=False)

    async def status(self, path: str, **headers: str) -> int:
        async with self.client.get(path, headers=headers, allow_redirects=False) as answer:
            return answer.status


@pytest.fixture
async def desk():
    made = Desk()
    await made.client.start_server()
    yield made
    await made.client.close()


async def test_without_a_login_nothing_is_given_but_the_way_to_it(desk) -> None:
    for path in EVERYTHING:
        assert await desk.status(path) == 401, path
        assert await desk.status(path, Cookie=f"fedsecure-console={TOKEN}") == 401, "the cookie is not the token"
        desk.now += OF_AN_ADDRESS.every_s
        assert await desk.status(path, Authorization="Bearer") == 401
    for path in ("/login", "/static/theme.css", "/static/login.css", "/static/icon.svg"):
        assert await desk.status(path) == 200, path


async def test_who_opens_a_page_is_led_to_the_login_and_back(desk) -> None:
    answer = await desk.client.get("/device/p1?token=x&a=b", headers=PAGE, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/device/p1")
    form = await (await desk.client.get(answer.headers["Location"])).text()
    assert 'name="next" value="/device/p1"' in form
    answer = await desk.log_in(wanted="/device/p1")
    assert (answer.status, answer.headers["Location"]) == (303, "/device/p1")
    for path in ("/", "/rounds", "/device/p1", "/static/live.js"):
        assert await desk.status(path) == 200


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_ends_when_it_should(desk) -> None:
    cookie = (await desk.log_in()).headers["Set-Cookie"]
    for said in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=3599"):
        assert said in cookie or (said == "Max-Age=3599" and "Max-Age=3600" in cookie)
    assert TOKEN not in cookie
    ends_at = (await (await desk.client.get("/api/session")).json())["ends_at"]
    assert abs(ends_at - desk.now - 3600) <= 1
    desk.now += 3601
    assert await desk.status("/api/session") == 401


async def test_a_token_in_the_address_opens_nothing(desk) -> None:
    assert await desk.status(f"/?token={TOKEN}") == 401
    assert await desk.status(f"/login?token={TOKEN}") == 200
    assert await desk.status("/") == 401


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/login", "/device/a/../../x", "/device/p1?x=1", "javascript:alert(1)", "", '"><script>'])  # fmt: skip
async def test_a_login_leads_to_no_other_place_than_a_page_of_ours(desk, wanted) -> None:
    form = await (await desk.client.get("/login", params={"next": wanted})).text()
    assert 'name="next" value="/"' in form
    assert (await desk.log_in(wanted=wanted)).headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"}, {"Content-Type": "application/json"},
    ],
)  # fmt: skip
async def test_another_site_can_log_nobody_in_or_out(desk, headers) -> None:
    await desk.log_in()
    for path in ("/login", "/logout"):
        data = f"token={TOKEN}"
        sent = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        assert (await desk.client.post(path, data=data, headers=sent, allow_redirects=False)).status == 403
    assert await desk.status("/") == 200


async def test_after_the_logout_the_cookie_opens_nothing_even_where_it_was_copied(desk) -> None:
    copied = (await desk.log_in()).cookies["fedsecure-console"].value
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await desk.client.post("/logout", headers=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert await desk.status("/", Cookie=f"fedsecure-console={copied}") == 401


async def test_a_stream_ends_soon_after_its_session(desk) -> None:
    await desk.log_in()
    async with desk.client.get("/api/stream/wall") as stream:
        await stream.content.readuntil(b"\n\n")
        desk.now += 3601
        (hub,) = [hub for name, hub in desk.stage.hubs.items() if name == "wall"]
        for _ in range(3):  # as the health that is sent every two seconds
            hub.send(desk.stage.health_event())
        rest = await asyncio.wait_for(stream.content.read(), 10)
    assert rest.count(b"event: health") <= 1, "what had been sent before may come"


async def test_wrong_tokens_are_limited_and_the_right_one_must_wait_too(desk) -> None:
    for _ in range(OF_AN_ADDRESS.at_once):
        answer = await desk.log_in("wrong-token-of-some-length")
        assert answer.status == 401
        assert "not this console" in await answer.text()
    for answer in (await desk.log_in(), await desk.client.get("/", headers={"Authorization": f"Bearer {TOKEN}"})):
        assert answer.status == 429
        assert answer.headers["Retry-After"] == f"{OF_AN_ADDRESS.every_s:.0f}"
        assert f"try again in {OF_AN_ADDRESS.every_s:.0f} s" in await answer.text()
    desk.now += OF_AN_ADDRESS.every_s
    assert (await desk.log_in()).status == 303


async def test_programs_show_the_token_in_a_header_and_are_limited_as_well(desk) -> None:
    right, wrong = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer wrong"}
    assert await desk.status("/api/rounds/1", **right) == 404, "let in: there is no such round"
    for _ in range(OF_AN_ADDRESS.at_once):
        assert await desk.status("/", **wrong) == 401
    assert await desk.status("/", **wrong) == await desk.status("/", **right) == 429


async def test_a_screen_that_is_logged_in_goes_on_while_others_guess(desk) -> None:
    await desk.log_in()
    for number in range(OF_ALL.at_once):
        desk.attempts.failed(f"10.0.0.{number}")
    for _ in range(OF_AN_ADDRESS.at_once):
        desk.attempts.failed("127.0.0.1")
    assert await desk.status("/") == 200
    assert (await desk.log_in()).status == 429


async def test_cookies_that_are_over_are_no_guesses(desk) -> None:
    await desk.log_in()
    desk.now += 3601
    for _ in range(2 * OF_ALL.at_once):
        assert await desk.status("/api/stream/wall") == 401
    assert (await desk.log_in()).status == 303


@pytest.mark.parametrize(
    "body", ["", "token", "token=%ff%fe", "token=&token=x", "token=" + "x" * 5000, "&" * 4000, "ÿ"]
)
async def test_a_login_of_nonsense_is_a_wrong_token(desk, body) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await desk.client.post("/login", data=body.encode("latin-1"), headers=form, allow_redirects=False)
    assert answer.status == 401


async def test_logins_are_counted_and_logged_without_the_token(desk) -> None:
    registry = CollectorRegistry()
    registry.register(CONSOLE_LOGINS)

    def counted() -> dict[str, float]:
        name = "fedsecure_console_logins_total"
        return {
            outcome: registry.get_sample_value(name, {"outcome": outcome}) or 0.0
            for outcome in ("accepted", "refused", "limited")
        }

    before = counted()
    with capture_logs() as logs:
        await desk.log_in()
        for _ in range(OF_AN_ADDRESS.at_once + 4):
            await desk.log_in("wrong-token-of-some-length")
    grown = {outcome: count - before[outcome] for outcome, count in counted().items()}
    assert grown == {"accepted": 1, "refused": OF_AN_ADDRESS.at_once, "limited": 4}
    assert "token-of-some-length" not in str(logs)
    assert [one["address"] for one in logs if one["event"] == "console_login"] == ["127.0.0.1"]
    assert sum(one.get("outcome") == "limited" for one in logs) == 1, "one line a minute"


async def test_the_way_to_the_login_is_asked_for_with_a_plain_path(desk) -> None:
    answer = await desk.client.get("/device/%E5%BA%8A5", headers=PAGE, allow_redirects=False)
    wanted = parse_qs(urlsplit(answer.headers["Location"]).query)["next"]
    assert wanted == ["/device/%E5%BA%8A5"]
    assert (await desk.log_in(wanted=wanted[0])).headers["Location"] == "/device/%E5%BA%8A5"
