"""Watches the topics of a run in a thread of its own, as the console would."""

from __future__ import annotations

import asyncio
import contextlib
import time
from threading import Thread
from types import TracebackType
from typing import Self

from console.sources.topic_watch import TopicWatch
from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError, Unavailable
from fedsecure.demo.observing.collector import Collector

GIVE_UP_AFTER_S = 30.0


class Observer:
    """A context: reads from its start to its end. `check` raises what stopped it, if anything did."""

    def __init__(self, settings: Settings, collector: Collector) -> None:
        self._watch = TopicWatch(settings, collector, self)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._failure: FedSecureError | None = None
        self._last_answer = time.monotonic()
        self._thread = Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading. Blocks for at most a few seconds. May be called again."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5.0)

    def check(self) -> None:
        """Raise the Unavailable that ended the reading, if one did."""
        if self._failure is not None:
            raise self._failure

    def answered(self) -> None:
        """Note that Kafka answers."""
        self._last_answer = time.monotonic()

    def failed(self, reason: str) -> None:
        """Give up once Kafka has not answered for too long. Until then it is asked again."""
        if time.monotonic() - self._last_answer > GIVE_UP_AFTER_S:
            self._failure = Unavailable(f"Kafka has not answered the demo for {GIVE_UP_AFTER_S:.0f} s: {reason}")
            self._stop.set()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._watch.run(self._stop))
        except FedSecureError as error:
            self._failure = error
