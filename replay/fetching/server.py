"""Get files over HTTP: retried with a bound, and under their name only when they are whole."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from contracts.errors import Misconfigured, Unavailable
from replay.fetching.errors import NotThere

TIMEOUT_S: Final = 30.0
PAUSES_S: Final = (1.0, 4.0)
BLOCK_BYTES: Final = 1 << 16
RETRIED_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

Blocks = Iterator[bytes]
Result = TypeVar("Result")


class _Broken(Exception):
    """A try that failed in a way which the next one may not."""


def check_address(url: str) -> str:
    """Return the URL with one slash at its end. Raises Misconfigured for what is no http or https URL, or holds a password."""
    if "@" in url:
        raise Misconfigured("the address of a server of recordings holds an @; it is used without user and password")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Misconfigured(f"{url!r} is no address of a server; it begins with https:// or http://")
    return url.rstrip("/") + "/"


class Server:
    """The files below a URL. Every call blocks. The system's proxy settings (HTTPS_PROXY and its like) are used.

    Raises Misconfigured for what is no http or https URL. `pause` waits between tries.
    """

    def __init__(self, base_url: str, pause: Callable[[float], None] = time.sleep) -> None:
        self.base_url = check_address(base_url)
        self._pause = pause

    def download(self, name: str, to: Path) -> int:
        """Write the file to `to` and return its bytes. Until it is whole it is called `<to>.part`.

        Raises NotThere, Unavailable when it does not come in three tries, and OSError when it cannot be written.
        """
        part = to.with_name(to.name + ".part")

        def keep(blocks: Blocks) -> int:
            with part.open("wb") as file:
                return sum(map(file.write, blocks))

        written = self._get(name, keep)
        part.replace(to)
        return written

    def text(self, name: str) -> str:
        """Return a text file that fits into memory. Raises NotThere, and Unavailable after three tries."""
        return self._get(name, lambda blocks: b"".join(blocks).decode("utf-8", "replace"))

    def lines_until(self, name: str, take: Callable[[str], bool]) -> None:
        """Give `take` the lines of a text file of any size until it returns True. What follows is not fetched.

        Raises NotThere, and Unavailable after three tries; each begins with the first line again.
        """
        self._get(name, lambda blocks: any(map(take, _lines(blocks))))

    def _get(self, name: str, use: Callable[[Blocks], Result]) -> Result:
        for pause_s in (*PAUSES_S, None):
            try:
                with self._opened(name) as blocks:
                    return use(blocks)
            except _Broken as error:
                if pause_s is None:
                    raise Unavailable(
                        f"{self.base_url}{name} does not come ({error}); check the network and HTTPS_PROXY, then run the "
                        "same command: it goes on from there"
                    ) from None
                self._pause(pause_s)
        raise AssertionError

    @contextmanager
    def _opened(self, name: str) -> Iterator[Blocks]:
        """Yield the blocks of a file. Raises NotThere, Unavailable when another try is useless, else _Broken."""
        url = self.base_url + quote(name)
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "fedsecure"})  # noqa: S310 - http(s) by __init__
            response = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"the server answers {error.code} {error.reason}"
            if error.code in {404, 410}:
                raise NotThere(f"{url} is not there: {problem}") from None
            raise (_Broken(problem) if error.code in RETRIED_STATUS else Unavailable(f"{url}: {problem}")) from None
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(_reason(error)) from None
        with response:
            yield _whole_blocks(response)


def _whole_blocks(response: http.client.HTTPResponse) -> Blocks:
    """Yield what comes. Raise _Broken when it ends before the length that was announced."""
    announced = response.length
    received = 0
    while True:
        try:
            block = response.read(BLOCK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(_reason(error)) from None
        if not block:
            break
        received += len(block)
        yield block
    if announced is not None and received != announced:
        raise _Broken(f"the connection ended after {received} of {announced} bytes")


def _lines(blocks: Blocks) -> Iterator[str]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    yield rest.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
