"""Feeds a view of the topics from Kafka until it is stopped, and goes on whenever Kafka was away."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

from console.sources.topic_view import TopicView
from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from transport.clock import cancellable_sleep
from transport.kafka.topic_reader import Start, TopicReader

POLL_S: Final = 0.2
ASK_EVERY_S: Final = 2.0
PATIENCE_S: Final = 5.0
RETRY_S: Final = 1.0


class Health(Protocol):
    """Is told whether Kafka answers (`console.sources.redis_watch.Source`)."""

    def answered(self) -> None: ...

    def failed(self, reason: str) -> None: ...


class TopicWatch:
    """Reads the topics that the view wants as they appear: no consumer group, nothing committed."""

    def __init__(self, settings: Settings, view: TopicView, health: Health) -> None:
        self._settings = settings
        self._view = view
        self._health = health

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop. Kafka may come and go."""
        reader: TopicReader | None = None
        try:
            while not stop.is_set():
                try:
                    if reader is None:
                        reader = await asyncio.wait_for(TopicReader(self._settings).__aenter__(), PATIENCE_S)
                    await self._read(reader, stop)
                except (Unavailable, TimeoutError) as error:
                    self._health.failed(str(error) or "no answer")
                    await cancellable_sleep(RETRY_S, stop)
        finally:
            if reader is not None:
                await reader.__aexit__(None, None, None)

    async def _read(self, reader: TopicReader, stop: asyncio.Event) -> None:
        asked_at = -ASK_EVERY_S
        while not stop.is_set():
            if time.monotonic() - asked_at > ASK_EVERY_S:
                # A poll of a broker that is gone is only empty: asking is how one knows.
                await asyncio.wait_for(self._look(reader), PATIENCE_S)
                self._health.answered()
                asked_at = time.monotonic()
            for record in await reader.poll(POLL_S):
                self._view.take(record.topic, record.value, record.timestamp / 1000.0, record.headers)
            await asyncio.sleep(0)  # a day's backlog must not hold up the screens

    async def _look(self, reader: TopicReader) -> None:
        new: dict[Start, list[str]] = {}
        for topic, start in self._view.starts(await reader.list_topics()).items():
            if topic not in reader.topics_read:
                new.setdefault(start, []).append(topic)
        for start, topics in new.items():  # all at once: each call asks the broker three times
            await reader.add(topics, start=start)
