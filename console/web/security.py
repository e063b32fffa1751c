"""Who may open the console and what a page of it may do: checked before anything else, the same for every answer."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

COOKIE: Final = "fedsecure-console"
COOKIE_AGE_S: Final = 30 * 86_400
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address to listen on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_our_host(host_header: str, names: tuple[str, ...]) -> bool:
    """Return whether a Host header names us: a plain address, localhost or a name of ours.

    A page of somebody else's that was rebound to our address carries its own name (DNS rebinding).
    """
    host = urlsplit(f"//{host_header}").hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host in {name.lower() for name in names}
    return True


def is_same_origin(request: web.Request) -> bool:
    """Return whether a request that changes something comes from our own page (or from no browser at all)."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in {None, "same-origin"}:
        return False
    return origin is None or urlsplit(origin).netloc == request.host


async def set_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on any answer, errors and streams included."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-cache" if response.headers.get("ETag") else "no-store")


class AccessControl:
    """Lets in who names this host and, where there is a token, knows it: asked once in the address, then in a cookie."""

    def __init__(self, names: tuple[str, ...], token: str | None) -> None:
        self._names = names
        self._token = token
        # The cookie is not the token: who steals it from a browser cannot write the address down.
        self._pass = hmac.new(token.encode(), b"fedsecure console cookie", hashlib.sha256).hexdigest() if token else ""

    def middleware(self) -> Middleware:
        """Return the check as aiohttp wants it."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not is_our_host(request.host, self._names):
                raise web.HTTPMisdirectedRequest(text="This console does not answer to that host name.\n")
            if self._token is None:
                return await handler(request)
            given = request.query.get("token")
            if given is not None and request.method == "GET":
                return self._exchange(request, given)
            if not self._knows(request):
                raise web.HTTPUnauthorized(text="Open the console with the address that it printed at start.\n")
            return await handler(request)

        return check

    def _exchange(self, request: web.Request, given: str) -> web.StreamResponse:
        """Answer with the cookie and the same address without the token, so that it stays in no history."""
        assert self._token is not None
        if not _same(given, self._token):
            raise web.HTTPUnauthorized(text="That token does not open this console.\n")
        answer = web.Response(status=303, headers={"Location": request.rel_url.without_query_params("token").path_qs})
        answer.set_cookie(
            COOKIE, self._pass, max_age=COOKIE_AGE_S, httponly=True, samesite="Strict", secure=request.secure
        )
        return answer

    def _knows(self, request: web.Request) -> bool:
        assert self._token is not None
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        by_header = kind.lower() == "bearer" and _same(given, self._token)
        return by_header or _same(request.cookies.get(COOKIE, ""), self._pass)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
