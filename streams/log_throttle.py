"""Limits the log lines of Kafka's and Faust's libraries to one a minute for each library."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

NOISY = ("aiokafka", "faust", "mode", "kafka")
EVERY_S = 60.0


class LogThrottle(logging.Filter):
    """Lets the first record of a library pass, then one a minute with the number of those held back.

    A lost broker makes them write 65 lines a second. What a worker does about it is in its own log events.
    """

    def __init__(self, libraries: Iterable[str] = NOISY, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._libraries = frozenset(libraries)
        self._clock = clock
        self._passed_at: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may pass."""
        library = record.name.split(".", 1)[0]
        if library not in self._libraries:
            return True
        now = self._clock()
        if now - self._passed_at.get(library, -EVERY_S) < EVERY_S:
            self._held_back[library] = self._held_back.get(library, 0) + 1
            return False
        self._passed_at[library] = now
        if held_back := self._held_back.pop(library, 0):
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
