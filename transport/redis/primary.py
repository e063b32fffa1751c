"""Which Redis server the connections of a client reach, and since when."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

import structlog

log = structlog.get_logger()
RENEW_AFTER_S: Final = 3.0
"""A connection older than that is made anew before its next use, so that an address that has moved is followed."""
VIEW_SETTLES_S: Final = RENEW_AFTER_S + 3.0
"""Until then every worker has met a new primary (asked once a second), and has shown again what it may lack."""


class Primary:
    """Is told at each connection which server it reached. Replication is asynchronous: another one may lack the last writes."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._server: str | None = None
        self.changes = 0
        self.changed_at = float("-inf")

    def met(self, server: str) -> float:
        """Note the server (its run id) that a connection reached, and return when (monotonic seconds)."""
        with self._lock:
            now_s = self._clock()
            if self._server not in (None, server):
                self.changes += 1
                self.changed_at = now_s
                if structlog.is_configured():  # a short command does not care
                    log.warning("redis_is_another_server")
            self._server = server
            return now_s

    def is_older(self, connected_at: float) -> bool:
        """Return whether a connection of that time may reach another server than a new one would."""
        return connected_at < self.changed_at or self._clock() - connected_at > RENEW_AFTER_S

    def settles_in_s(self) -> float:
        """Return how long a view that a new primary shows may still lack what workers wrote before; at most 0: not any more."""
        return self.changed_at + VIEW_SETTLES_S - self._clock()
