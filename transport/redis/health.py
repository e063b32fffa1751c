"""Whether Redis does what this program asks of it: one line when that changes, one a minute while it does not, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Final

import structlog
from redis.exceptions import RedisError

from contracts.metrics import REDIS_REFUSES, REDIS_UP
from transport.redis.failures import FAILURES, Failure, RedisFailed, failure_of

log = structlog.get_logger()
REMIND_EVERY_S: Final = 60.0
FLAPS_S: Final = 10.0
"""What fails again so soon after it was said is not said again, unless it lasts: a Redis at its limit takes every other write."""


class RedisHealth:
    """What fails now, by what was asked. A read that works says nothing of writes, so it does not end their failing."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()  # threads ask
        self._failing: dict[str, Failure] = {}
        self._said_at: dict[str, float] = {}
        self._said: set[str] = set()

    @property
    def failing(self) -> frozenset[str]:
        """The reasons why something fails now; empty while Redis works."""
        return frozenset(failure.reason for failure in self._failing.values())

    def failed(self, what: str, failure: Failure) -> None:
        """Note that Redis did not do `what`."""
        with self._lock:
            self._failing = self._failing | {what: failure}
            since_said_s = self._clock() - self._said_at.get(failure.reason, float("-inf"))
            if since_said_s >= (REMIND_EVERY_S if failure.reason in self._said else FLAPS_S):
                self._said_at[failure.reason] = self._clock()
                self._said.add(failure.reason)
                _say(what, failure)
            self._show()

    def worked(self, what: str, *, writes: bool) -> None:
        """Note that Redis did `what`."""
        over = ("server", "writes") if writes else ("server",)
        with self._lock:
            self._failing = {w: f for w, f in self._failing.items() if w != what and f.scope not in over}
            if not self._failing and self._said:
                self._said.clear()
                _log("info", "redis_back")
            self._show()

    def _show(self) -> None:
        REDIS_UP.set(0 if self._failing else 1)
        refusing = {failure.reason for failure in self._failing.values() if failure.is_answer}
        for failure in FAILURES:
            if failure.is_answer:
                REDIS_REFUSES.labels(failure.reason).set(failure.reason in refusing)


def _say(what: str, failure: Failure) -> None:
    event = "redis_refuses" if failure.is_answer else "redis_unreachable"
    _log("warning", event, reason=failure.reason, asked_to=what, because=f"it {failure.says}")


def _log(level: str, event: str, **fields: str) -> None:
    if structlog.is_configured():  # a short command says it in its one sentence
        getattr(log, level)(event, **fields)


PROCESS = RedisHealth()
"""A program has one Redis, and one metric that says whether it works."""


@contextmanager
def asking(what: str, *, writes: bool, health: RedisHealth | None = None) -> Iterator[None]:
    """Around calls of a Redis client: raises RedisFailed (`what` ends "Redis does not ...") for whatever it did not do."""
    health = health or PROCESS
    try:
        yield
    except (RedisError, OSError) as error:
        failure = failure_of(error)
        health.failed(what, failure)
        raise RedisFailed(what, failure, error) from None
    health.worked(what, writes=writes)
