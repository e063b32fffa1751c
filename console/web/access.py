"""Who may open the console: checked before anything else, the same for every address of it."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from console.web.login import LOGIN, LoginPage, login_for, too_many
from console.web.security import is_our_host
from console.web.sessions import Session

# What the login page itself needs. Nothing in it says anything of this ward.
OPEN: Final = {LOGIN, "/static/theme.css", "/static/login.css", "/static/icon.svg"}


class AccessControl:
    """Lets in who names this host and, where there is a token, has logged in or shows it in a header."""

    def __init__(self, names: tuple[str, ...], login: LoginPage | None) -> None:
        self._names = names
        self.login = login

    def middleware(self) -> Middleware:
        """Return the check as aiohttp wants it."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not is_our_host(request.host, self._names):
                raise web.HTTPMisdirectedRequest(text="This console does not answer to that host name.\n")
            if self.login is not None and request.path not in OPEN:
                self._let_in(request, self.login)
            return await handler(request)

        return check

    def session_of(self, request: web.Request) -> Session | None:
        """Return the session by which a request was let in, None where the token itself did or none is asked for."""
        return None if self.login is None else self.login.session_of(request)

    def holds(self, session: Session | None) -> bool:
        """Return whether whoever was let in by it may see more."""
        return session is None or self.login is None or self.login.holds(session)

    def _let_in(self, request: web.Request, login: LoginPage) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            wait_s = login.check(request, token.strip())
            if wait_s:
                raise too_many(wait_s)
            if wait_s is not None:
                raise web.HTTPUnauthorized(text="That token does not open this console.\n")
            return
        if login.session_of(request) is None:
            raise login_for(request)
