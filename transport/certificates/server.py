"""A server's own certificate: the TLS context made of its files, which may be renewed while it runs."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured

_OLDEST: Final = ssl.TLSVersion.TLSv1_2


class ServerCertificate:
    """The context of a server, made of a certificate and its key (PEM, no password). Raises Misconfigured for files that do not do."""

    def __init__(self, cert: Path, key: Path | None) -> None:
        self._cert, self._key = cert, key
        self._loaded = self._stamp()
        self.context = self._read()

    def reload_if_renewed(self) -> bool:
        """Return whether the files have changed, and show new clients what they hold now; those connected stay.

        Raises Misconfigured when the new files do not do, say one half is not written yet: the old ones are shown on.
        """
        stamp = self._stamp()
        if stamp == self._loaded:
            return False
        self._read()  # into a context of its own first: a half that does not fit would spoil the one in use
        self.context.load_cert_chain(self._cert, self._key, password=_no_password)
        self._loaded = stamp
        return True

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = _OLDEST
        try:
            context.load_cert_chain(self._cert, self._key, password=_no_password)
        except (OSError, ValueError) as error:
            raise Misconfigured(
                f"the certificate {self._cert} and its key {self._key} cannot be used ({why_not(error)}): PEM, without a password"
            ) from None
        return context

    def _stamp(self) -> list[tuple[int, int, int] | None]:
        return [_stamp_of(path) for path in (self._cert, self._key) if path is not None]


def why_not(error: Exception) -> str:
    """Return in words why a file of certificates or keys could not be loaded."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "nothing in PEM found").replace("_", " ").lower()
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def _no_password() -> bytes:
    """An empty answer instead of a question: a key with a password would else wait at the terminal."""
    return b""


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
