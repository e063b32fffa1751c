"""Reads every topic of a run in a thread of its own, as a console would: no consumer group, nothing committed."""

from __future__ import annotations

import asyncio
import time
from threading import Event, Thread
from types import TracebackType
from typing import Self

from contracts.errors import FedSecureError, Unavailable
from contracts.settings import Settings
from fedsecure.demo.collector import Collector
from transport.kafka.topic_reader import TopicReader

DISCOVERY_INTERVAL_S = 1.0
POLL_S = 0.25
GIVE_UP_AFTER_S = 15.0


class Observer:
    """A context: reads from its start to its end; `check` raises what stopped it, if anything did."""

    def __init__(self, settings: Settings, collector: Collector) -> None:
        self._settings = settings
        self._collector = collector
        self._stop = Event()
        self._failure: FedSecureError | None = None
        self._thread = Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading; blocks for at most a few seconds; may be called again."""
        self._stop.set()
        self._thread.join(5.0)

    def check(self) -> None:
        """Raise the Unavailable that ended the reading, if one did."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._read())
        except FedSecureError as error:
            self._failure = error

    async def _read(self) -> None:
        async with TopicReader(self._settings) as reader:
            await reader.add(self._collector.fixed_topics, start="earliest")
            next_look = last_success = time.monotonic()
            while not self._stop.is_set():
                try:
                    if time.monotonic() >= next_look:
                        await self._discover(reader)
                        next_look = time.monotonic() + DISCOVERY_INTERVAL_S
                    await self._poll(reader)
                    last_success = time.monotonic()
                except Unavailable:
                    if time.monotonic() - last_success > GIVE_UP_AFTER_S:
                        raise
                    await asyncio.sleep(POLL_S)

    async def _discover(self, reader: TopicReader) -> None:
        of_vitals = self._settings.topics.device_of_vitals
        found = [topic for topic in await reader.list_topics() if of_vitals(topic) is not None]
        await reader.add(found, start="earliest")

    async def _poll(self, reader: TopicReader) -> None:
        for record in await reader.poll(POLL_S):
            self._collector.take(record.topic, record.value, record.timestamp / 1000.0, record.headers)
