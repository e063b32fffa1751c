"""Sessions of browsers: a signed cookie each, which needs no store and so outlives a restart of the console."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

COOKIE: Final = "fedsecure-console"
_SALT: Final = b"fedsecure console session 1"


@dataclass(frozen=True, slots=True)
class Session:
    """A login. `ends_at` is epoch seconds."""

    id: str
    ends_at: float


class Sessions:
    """Knows the token, and which sessions hold. `clock` gives wall time (epoch seconds).

    The signing key is made of the token: another token ends every session. A logout is remembered until the console restarts.
    """

    def __init__(self, token: str, lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        self._token = _digest(token)
        self._lifetime_s = lifetime_s
        self._clock = clock
        # Slow on purpose: who stole a cookie should not be able to try out weak tokens on it.
        self._key = hashlib.scrypt(token.encode(), salt=_SALT, n=2**14, r=8, p=1)
        self._ended: dict[str, float] = {}

    def is_token(self, given: str) -> bool:
        """Return whether that is the token, in the same time for any wrong one of a length."""
        return hmac.compare_digest(_digest(given), self._token)

    def begin(self) -> tuple[Session, str]:
        """Return a new session and what its cookie holds."""
        session = Session(secrets.token_urlsafe(16), float(int(self._clock() + self._lifetime_s)))
        return session, f"{session.id}.{session.ends_at:.0f}.{self._sign(session)}"

    def of(self, cookie: str) -> Session | None:
        """Return the session of a cookie that we made, as long as it holds."""
        parts = cookie.split(".")
        if len(parts) != 3 or not parts[1].isascii() or not parts[1].isdigit() or len(parts[1]) > 12:
            return None
        session = Session(parts[0], float(parts[1]))
        if not hmac.compare_digest(_bytes(parts[2]), self._sign(session).encode()):
            return None
        return session if self.holds(session) else None

    def holds(self, session: Session) -> bool:
        """Return whether a session is neither over nor ended."""
        return self._clock() < session.ends_at and session.id not in self._ended

    def remaining_s(self, session: Session) -> float:
        """Return how long a session holds still."""
        return session.ends_at - self._clock()

    def end(self, session: Session) -> None:
        """Let a session hold no more."""
        now = self._clock()
        self._ended = {each: ends_at for each, ends_at in self._ended.items() if ends_at > now}
        self._ended[session.id] = session.ends_at

    def _sign(self, session: Session) -> str:
        return hmac.new(self._key, _bytes(f"{session.id}.{session.ends_at:.0f}"), hashlib.sha256).hexdigest()


def cookie_name(*, is_secure: bool) -> str:
    """Return the cookie's name. Over HTTPS it has the prefix by which a browser lets no other host or plain page set it."""
    return f"__Host-{COOKIE}" if is_secure else COOKIE


def _digest(text: str) -> bytes:
    return hashlib.sha256(_bytes(text)).digest()


def _bytes(text: str) -> bytes:
    """Return the bytes of what a browser sent, also where they were no text."""
    return text.encode("utf-8", "surrogatepass")
