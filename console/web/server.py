"""The console's web server: pages, their streams of server-sent events, and a few answers in JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from console.hub import Hub, Screen
from console.stage import Stage
from console.web.access import AccessControl
from console.web.benign import BENIGN, Benign, ReadsGate
from console.web.inject import Injector
from console.web.login import LOGIN
from console.web.security import set_headers
from contracts.errors import Misconfigured
from contracts.identifiers import device_id_of

STATIC: Final = Path(__file__).parents[1] / "static"
PAGES: Final = {"/": "wall.html", "/rounds": "rounds.html", "/replay": "replay.html"}
MOST_SCREENS: Final = 200
WRITE_WITHIN_S: Final = 10.0


def build_app(
    stage: Stage, access_control: AccessControl, injector: Injector | None, gate: ReadsGate
) -> web.Application:
    """Return the application. Without an injector nothing but GET is answered, but for login and logout where there is a token."""
    app = web.Application(middlewares=[access_control.middleware()])
    app.on_response_prepare.append(set_headers)
    server = _Server(stage, injector, access_control)
    for path, page in PAGES.items():
        app.router.add_get(path, _page(page))
    app.router.add_get("/device/{name}", _device_page)
    app.router.add_get("/api/stream/{view:wall|rounds|replay}", server.stream)
    app.router.add_get("/api/stream/device/{device_id}", server.stream_device)
    app.router.add_get("/api/rounds/{number:[0-9]{1,9}}", server.round)
    app.router.add_get("/api/inject", server.choices)
    if injector is not None:
        app.router.add_post("/api/inject", injector.handle)
    app.router.add_get("/api/session", server.session)
    app.router.add_get(BENIGN, Benign(gate).answer)
    if access_control.login is not None:
        app.router.add_get(LOGIN, access_control.login.show)
        app.router.add_post(LOGIN, access_control.login.log_in)
        app.router.add_post("/logout", access_control.login.log_out)
    app.router.add_static("/static", STATIC)
    return app


def _page(name: str) -> Any:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / name)

    return answer


async def _device_page(request: web.Request) -> web.StreamResponse:
    """Answer with the page of a device. A name leads on to the address of its id."""
    name = request.match_info["name"]
    with suppress(Misconfigured):  # the page says that there is no such device
        if (device_id := device_id_of(name)) != name:
            raise web.HTTPFound(f"/device/{device_id}")
    return web.FileResponse(STATIC / "device.html")


class _Server:
    def __init__(self, stage: Stage, injector: Injector | None, access_control: AccessControl) -> None:
        self._stage = stage
        self._injector = injector
        self._access_control = access_control

    async def stream(self, request: web.Request) -> web.StreamResponse:
        return await self._play(request, self._stage.hubs[request.match_info["view"]])

    async def stream_device(self, request: web.Request) -> web.StreamResponse:
        try:
            device_id = device_id_of(request.match_info["device_id"])
        except Misconfigured as error:
            raise web.HTTPNotFound(text=f"{error}\n") from None
        async with self._stage.look_at(device_id) as hub:
            return await self._play(request, hub)

    async def round(self, request: web.Request) -> web.StreamResponse:
        detail = self._stage.rounds.detail(int(request.match_info["number"]))
        if detail is None:
            raise web.HTTPNotFound(text="The console holds no such round.\n")
        return web.json_response(detail)

    async def choices(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"attacks": self._injector.choices() if self._injector else None})

    async def session(self, request: web.Request) -> web.StreamResponse:
        """Answer when this browser's session ends: a page that lost its stream learns here whether to log in anew."""
        session = self._access_control.session_of(request)
        return web.json_response({"ends_at": session.ends_at if session else None})

    async def _play(self, request: web.Request, hub: Hub) -> web.StreamResponse:
        if self._stage.screens >= MOST_SCREENS:
            raise web.HTTPServiceUnavailable(text="Too many screens look at this console.\n")
        session = self._access_control.session_of(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        screen = hub.join()
        screen.put(self._stage.health_event())
        try:
            await response.prepare(request)
            await _send(response, screen, partial(self._access_control.holds, session))
        except (ConnectionError, TimeoutError):
            pass  # the browser went away, or takes nothing any more
        finally:
            hub.leave(screen)
        return response


async def _send(response: web.StreamResponse, screen: Screen, still_in: Callable[[], bool]) -> None:
    """Send until the screen is let go, or whoever looks has logged out: a word comes every two seconds at the latest."""
    while (message := await screen.next()) is not None and still_in():
        await asyncio.wait_for(response.write(message), WRITE_WITHIN_S)
