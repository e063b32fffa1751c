"""Says something now and then: a sender that tries again at once would fill the log."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

SAY_AGAIN_AFTER_S: Final = 10.0
MOST_KEYS: Final = 100


class Seldom:
    """Tells whether a thing may be said: once in SAY_AGAIN_AFTER_S (wall time) for each of some hundred things."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._said_at: dict[str, float] = {}

    def may_say(self, what: str) -> bool:
        """Return whether it is time to say it (again), and note that it is said."""
        now_s = self._clock()
        if now_s - self._said_at.get(what, float("-inf")) < SAY_AGAIN_AFTER_S:
            return False
        if len(self._said_at) >= MOST_KEYS:
            self._said_at.clear()
        self._said_at[what] = now_s
        return True
