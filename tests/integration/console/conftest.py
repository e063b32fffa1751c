"""A ward on the real Kafka and Redis, the console that shows it, and a Chromium that looks."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from console_ward import FIRST_MINUTE, MARKUP, ODD, UNUSUAL, Ward, profile_of, status_of, with_profile

from console.program import ConsoleProgram
from console.web.inject import AttackChoice
from contracts.configuration.settings import Settings
from contracts.messages.verdicts import DeviceState
from transport.redis_client import connect_redis

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
CHOICES = [AttackChoice("backdoor-1", "ramp, then hold", {"strong": "up 20 bpm"})]


class RunningConsole:
    """A console in a thread of its own, as `fedsecure console` runs it."""

    def __init__(self, settings: Settings, attacks: list[AttackChoice] | None = None) -> None:
        self.address = ""
        self._listening = threading.Event()
        self._program = ConsoleProgram(settings, self._on_listening, attacks)
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),), daemon=True)

    def _on_listening(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._listening.set()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self._program.run(self._stop)

    def __enter__(self) -> RunningConsole:
        self._thread.start()
        assert self._listening.wait(10), "the console does not listen"
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(15)
        assert not self._thread.is_alive(), "the console does not end"


@contextmanager
def open_ward(settings: Settings) -> Iterator[Ward]:
    with connect_redis(settings) as client:
        ward = Ward(settings, client)
        yield ward
        ward.close()


@pytest.fixture(scope="module")
def corner(open_corner) -> Iterator[Settings]:
    with open_corner() as settings:
        yield settings.model_copy(update={"console_port": 0})


@pytest.fixture(scope="module")
def ward(corner: Settings) -> Iterator[Ward]:
    """Six devices in five states, one with an attack told and its vital signs, one that enrolled oddly; and three rounds."""
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle  # noqa: PLC0415 - wanted only where there is a browser

    with open_ward(corner) as ward:
        profile = profile_of(load_bundle(corner.bundle_dir or DEFAULT_BUNDLE).sha256, (80.0, 16.0), (5.0, 3.0))
        ward.judge(
            with_profile(status_of("p000020", DeviceState.QUARANTINED), profile),
            status_of("s00001"),
            status_of("s00002", reason=f"below the limit; {UNUSUAL}"),
            status_of("newborn", DeviceState.ENROLLING, label=MARKUP),
            status_of("silent", received_at=time.time() - 600),
            status_of("shaky", DeviceState.SUSPECT, label=ODD),
        )
        ward.stream("p000020", [80.0 + at % 7 for at in range(600)], [16.0 + at % 3 for at in range(600)])
        ward.train(1, ["s00001", "s00002", "p000020"], {"newborn": "enrolling", "shaky": "not_participating"})
        ward.train(
            2, [], {"p000020": "quarantined"}, phase="skipped", reason="no_quorum", new_model_sha256=None, loss=None
        )
        ward.train(3, ["s00001", "s00002"], {"p000020": "quarantined", "newborn": "enrolling"}, model_sha256="01" * 32)
        ward.tell_truth("p000020", FIRST_MINUTE + 480, FIRST_MINUTE + 900)
        yield ward


@pytest.fixture(scope="module")
def console(ward: Ward, corner: Settings) -> Iterator[RunningConsole]:
    with RunningConsole(corner, CHOICES) as running:
        yield running


@pytest.fixture(scope="session")
def launch_console():
    return RunningConsole


@pytest.fixture(scope="session")
def launch_ward():
    return open_ward


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium; without it the browser tests are left out, or fail where they are asked for."""
    if not CHROMIUM.exists():
        how = f"{CHROMIUM} is not there: `apt-get install -y chromium` brings it"
        if os.environ.get("FEDSECURE_REQUIRE_BROWSER") == "1":
            pytest.fail(how)
        pytest.skip(how)
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - wanted only where there is a browser

    expect.set_options(timeout=30_000)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """Opens pages and notes everything a browser complains of or asks another host for."""

    def __init__(self, browser, address: str) -> None:
        self._browser = browser
        self._address = address
        self._contexts: list = []
        self.complaints: list[str] = []
        self.strangers: list[str] = []

    def open(self, path: str, *, expect_complaints: bool = False, **options):
        context = self._browser.new_context(**options)
        context.set_default_timeout(60_000)  # two cores may be shared by many
        self._contexts.append(context)
        page = context.new_page()
        if not expect_complaints:
            page.on("console", lambda said: said.type in {"error", "warning"} and self.complaints.append(said.text))
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(self._address) or self.strangers.append(asked.url))
        page.on(
            "requestfailed",
            lambda failed: "csp" in (failed.failure or "").lower() and self.strangers.remove(failed.url),
        )
        page.goto(self._address + path)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture(scope="session")
def launch_visitor():
    return Visitor


@pytest.fixture
def visit(chromium, console: RunningConsole):
    """Open pages of the console; at the end nothing may have been complained of and nobody else asked."""
    visitor = Visitor(chromium, console.address)
    yield visitor.open
    visitor.close()
    assert visitor.complaints == []
    assert visitor.strangers == []
