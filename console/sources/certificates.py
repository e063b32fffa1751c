"""When the certificates expire that this console knows of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from transport.certificates.expiry import CertificateFile

EVERY_S: Final = 60.0


class CertificateWatch:
    """Reads the files once a minute at most, when it is asked. `clock` gives wall time (epoch seconds)."""

    def __init__(self, files: Sequence[CertificateFile], clock: Callable[[], float]) -> None:
        self._files = files
        self._clock = clock
        self._read_at = float("-inf")
        self._expiries: list[dict[str, Any]] = []

    def expiries(self) -> list[dict[str, Any]]:
        """Return each file's name, what it is set by, and when it expires (epoch seconds; None: it cannot be read)."""
        now = self._clock()
        if not 0 <= now - self._read_at < EVERY_S:
            self._read_at = now
            self._expiries = [
                {"file": file.path.name, "setting": file.variable, "expires_at": file.expires_at()}
                for file in self._files
            ]
        return self._expiries
