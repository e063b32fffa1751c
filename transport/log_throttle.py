"""Says a thing in the log now and then: a lost broker, or a sender that tries again at once, would fill it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from time import monotonic

NOISY = ("aiokafka", "faust", "mode", "kafka")
LIBRARY_EVERY_S = 60.0
EVERY_S = 10.0
MOST_KEYS = 100


class Throttle:
    """Tells whether a thing may be said: once in `every_s` (wall time) for each of some hundred things."""

    def __init__(self, every_s: float = EVERY_S, clock: Callable[[], float] = monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._said_at: dict[str, float] = {}
        self.held_back: dict[str, int] = {}

    def may_say(self, what: str) -> bool:
        """Return whether it is time to say it (again), and note that it is said, or count that it is `held_back`."""
        now_s = self._clock()
        if now_s - self._said_at.get(what, float("-inf")) < self._every_s:
            self.held_back[what] = self.held_back.get(what, 0) + 1
            return False
        if len(self._said_at) >= MOST_KEYS:
            self._said_at.clear()
            self.held_back.clear()
        self._said_at[what] = now_s
        return True


class LogThrottle(logging.Filter):
    """Lets the first record of a library pass, then one a minute with the number of those held back.

    A lost broker makes them write 65 lines a second. What a worker does about it is in its own log events.
    """

    def __init__(self, libraries: Iterable[str] = NOISY, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._libraries = frozenset(libraries)
        self._throttle = Throttle(LIBRARY_EVERY_S, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may pass."""
        library = record.name.split(".", 1)[0]
        if library not in self._libraries:
            return True
        if not self._throttle.may_say(library):
            return False
        if held_back := self._throttle.held_back.pop(library, 0):
            record.msg = f"{record.getMessage()} ({held_back} more lines of {library} held back)"
            record.args = ()
        return True


def throttle_library_logs() -> None:
    """Put the filter on every handler of the root logger, once logging is configured."""
    # It warns of "retracing" when the fixed batch sizes are compiled, which is what we want.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    one_line = LogThrottle()
    for handler in logging.getLogger().handlers:
        handler.addFilter(one_line)
