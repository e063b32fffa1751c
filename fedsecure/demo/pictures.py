"""Pictures of the console's pages, taken by the Chromium or Chrome of this machine over its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from contracts.errors import Unavailable

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SETTLE_S: Final = 5.0
ANSWER_WITHIN_S: Final = 30.0
FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
)  # fmt: skip
SHAPES: Final = {"light": (1600, 1000), "dark": (1600, 1000), "phone": (390, 844)}


def find_browser() -> str | None:
    """Return the browser that would take the pictures, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


async def take_pictures(browser: str, console: str, pages: Mapping[str, str], folder: Path) -> list[Path]:
    """Save each page (name -> path on the console) in light, dark and as on a phone; raises Unavailable.

    Blocks for some seconds a page: a picture shows the page as it is once its stream has come.
    """
    taken = []
    async with _driven(browser) as protocol:
        for (name, path), (shape, size) in itertools.product(pages.items(), SHAPES.items()):
            picture = await protocol.picture(console + path, size, dark=shape == "dark")
            file = folder / f"{name}-{shape}.png"
            file.write_bytes(picture)
            taken.append(file)
    return taken


class _Protocol:
    """The few calls of the DevTools protocol that a picture needs."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def picture(self, url: str, size: tuple[int, int], *, dark: bool) -> bytes:
        """Return a PNG of the page."""
        target = (await self._ask("Target.createTarget", {"url": "about:blank"}))["targetId"]
        attached = await self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})
        session = attached["sessionId"]
        shape = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < size[1]}
        await self._ask("Emulation.setDeviceMetricsOverride", shape, session)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._ask("Emulation.setEmulatedMedia", {"features": [scheme]}, session)
        await self._ask("Page.navigate", {"url": url}, session)
        await asyncio.sleep(SETTLE_S)
        shot = await self._ask("Page.captureScreenshot", {"format": "png"}, session)
        await self._ask("Target.closeTarget", {"targetId": target})
        return base64.b64decode(shot["data"])

    async def _ask(self, method: str, params: Mapping[str, Any], session: str | None = None) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json(
            {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        )
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                heard: dict[str, Any] = await self._socket.receive_json()
                if heard.get("id") == number:
                    return dict(heard["result"])


@asynccontextmanager
async def _driven(browser: str) -> AsyncIterator[_Protocol]:
    with TemporaryDirectory(prefix="fedsecure-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            browser, *FLAGS, f"--user-data-dir={profile}", stderr=asyncio.subprocess.PIPE
        )
        try:
            async with aiohttp.ClientSession() as session:
                address = await asyncio.wait_for(_debugging_address(process), ANSWER_WITHIN_S)
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield _Protocol(socket)
        except (aiohttp.ClientError, TimeoutError, KeyError, TypeError, OSError) as error:
            raise Unavailable(f"{browser} took no pictures ({type(error).__name__})") from None
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _debugging_address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        _, found, address = line.decode(errors="replace").partition("DevTools listening on ")
        if found:
            return address.strip()
    raise Unavailable("the browser did not start")
