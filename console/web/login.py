"""Login by the token and logout: a form that needs no script, and the limit on wrong tokens."""

from __future__ import annotations

import math
import re
from html import escape
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import parse_qs, quote

import structlog
from aiohttp import web

from console.web.attempts import Attempts
from console.web.security import is_same_origin
from console.web.sessions import Session, Sessions, cookie_name
from contracts.metrics import CONSOLE_LOGINS
from transport.log_throttle import Throttle

LOGIN: Final = "/login"
MOST_BYTES: Final = 4096
_PAGE: Final = Path(__file__).parents[1] / "static" / "login.html"
_OURS: Final = re.compile(r"/(?:rounds|replay|device/[A-Za-z0-9._~%-]{1,300})?")
log = structlog.get_logger()


class LoginPage:
    """Answers /login and /logout, and checks tokens however they come."""

    def __init__(self, sessions: Sessions, attempts: Attempts) -> None:
        self._sessions = sessions
        self._attempts = attempts
        self._template = Template(_PAGE.read_text())
        self._throttle = Throttle(60.0)

    async def show(self, request: web.Request) -> web.Response:
        """Answer GET /login: the form, or the page that was wanted for whoever is logged in."""
        wanted = _page_of_ours(request.query.get("next", "/"))
        if self.session_of(request) is not None:
            raise web.HTTPSeeOther(wanted)
        return self._form(wanted)

    async def log_in(self, request: web.Request) -> web.Response:
        """Answer POST /login: a cookie and the page that was wanted for the right token."""
        _from_our_own_page(request)
        body = await request.content.read(MOST_BYTES + 1)
        fields = parse_qs(body.decode("ascii", "replace")) if len(body) <= MOST_BYTES else {}
        wanted = _page_of_ours(fields.get("next", ["/"])[0])
        wait_s = self.check(request, fields.get("token", [""])[0].strip())
        if wait_s is not None:
            return self._refuse(wanted, wait_s)
        session, cookie = self._sessions.begin()
        answer = web.Response(status=303, headers={"Location": wanted})
        answer.set_cookie(
            cookie_name(is_secure=request.secure), cookie, max_age=int(self._sessions.remaining_s(session)),
            httponly=True, samesite="Strict", secure=request.secure, path="/",
        )  # fmt: skip
        log.info("console_login", address=request.remote, ends_at=session.ends_at)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """Answer POST /logout: the session holds no more, here and in the browser; its streams end within seconds."""
        _from_our_own_page(request)
        session = self.session_of(request)
        if session is not None:
            self._sessions.end(session)
            log.info("console_logout", address=request.remote)
        answer = web.Response(status=303, headers={"Location": LOGIN})
        answer.del_cookie(
            cookie_name(is_secure=request.secure), path="/", httponly=True, samesite="Strict", secure=request.secure
        )
        return answer

    def session_of(self, request: web.Request) -> Session | None:
        """Return the session of the browser that asks, None without one that holds."""
        session = self._sessions.of(request.cookies.get(cookie_name(is_secure=request.secure), ""))
        if session is not None:
            self._attempts.trust(request.remote)
        return session

    def holds(self, session: Session) -> bool:
        """Return whether a session holds still."""
        return self._sessions.holds(session)

    def check(self, request: web.Request, token: str) -> float | None:
        """Return None for the right token, else the seconds to wait for (0: it was wrong; more: it was not looked at)."""
        wait_s = self._attempts.wait_s(request.remote)
        if wait_s > 0:
            return self._count("limited", request, wait_s)
        if not self._sessions.is_token(token):
            self._attempts.failed(request.remote)
            return self._count("refused", request, 0.0)
        self._attempts.trust(request.remote)
        CONSOLE_LOGINS.labels("accepted").inc()
        return None

    def _count(self, outcome: str, request: web.Request, wait_s: float) -> float:
        CONSOLE_LOGINS.labels(outcome).inc()
        # Those that are looked at are few, by the limit itself; of the others one line a minute.
        if outcome == "refused" or self._throttle.may_say(outcome):
            log.warning("console_token_not_accepted", outcome=outcome, address=request.remote)
        return wait_s

    def _refuse(self, wanted: str, wait_s: float) -> web.Response:
        if not wait_s:
            return self._form(wanted, "That is not this console's token.", status=401)
        said, headers = _said_of_waiting(wait_s)
        answer = self._form(wanted, said, status=429)
        answer.headers.update(headers)
        return answer

    def _form(self, wanted: str, said: str = "", *, status: int = 200) -> web.Response:
        text = self._template.substitute(next=escape(wanted), said=escape(said))
        return web.Response(text=text, content_type="text/html", status=status)


def login_for(request: web.Request) -> web.HTTPException:
    """Return the way to the login page for whoever opens a page, and a bare refusal for everything else."""
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        return web.HTTPSeeOther(f"{LOGIN}?next={quote(_page_of_ours(request.rel_url.raw_path), safe='/')}")
    return web.HTTPUnauthorized(text="Log in at /login, or send the token as Authorization: Bearer.\n")


def too_many(wait_s: float) -> web.HTTPException:
    """Return the refusal for a program that has shown too many wrong tokens."""
    said, headers = _said_of_waiting(wait_s)
    return web.HTTPTooManyRequests(text=f"{said}\n", headers=headers)


def _said_of_waiting(wait_s: float) -> tuple[str, dict[str, str]]:
    whole_s = math.ceil(wait_s)
    return f"Too many wrong tokens: try again in {whole_s} s.", {"Retry-After": str(whole_s)}


def _page_of_ours(path: str) -> str:
    """Return the path of a page here; anything else leads to the wall, never to another host."""
    return path if _OURS.fullmatch(path) else "/"


def _from_our_own_page(request: web.Request) -> None:
    if not is_same_origin(request) or request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPForbidden(text="Only this console's own page may ask for that.\n")
