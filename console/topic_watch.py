"""Feeds the board from Kafka for as long as the console runs, and starts anew whenever Kafka was away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from console.board import Board
from console.health import Source
from contracts.errors import Unavailable
from contracts.settings import Settings
from transport.clock import cancellable_sleep
from transport.kafka.topic_reader import Start, TopicReader

LOOK_BACK_S: Final = 86_400.0
POLL_S: Final = 0.2
ASK_EVERY_S: Final = 2.0
PATIENCE_S: Final = 5.0
RETRY_S: Final = 1.0


class TopicWatch:
    """Reads the board's topics: rounds from the beginning, all else from a day ago."""

    def __init__(self, settings: Settings, board: Board, source: Source) -> None:
        self._settings = settings
        self._board = board
        self._source = source

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop; Kafka may come and go."""
        reader: TopicReader | None = None
        try:
            while not stop.is_set():
                try:
                    if reader is None:
                        reader = await asyncio.wait_for(TopicReader(self._settings).__aenter__(), PATIENCE_S)
                    await self._read(reader, stop)
                except (Unavailable, TimeoutError) as error:
                    self._source.failed(str(error) or "no answer")
                    await cancellable_sleep(RETRY_S, stop)
        finally:
            if reader is not None:
                await reader.__aexit__(None, None, None)

    async def _read(self, reader: TopicReader, stop: asyncio.Event) -> None:
        asked_at = 0.0
        while not stop.is_set():
            if time.monotonic() - asked_at > ASK_EVERY_S:
                # A poll of a broker that is gone is only empty: asking is how one knows.
                await asyncio.wait_for(self._look(reader), PATIENCE_S)
                self._source.answered()
                asked_at = time.monotonic()
            for record in await reader.poll(POLL_S):
                self._board.take(record.topic, record.value, record.timestamp / 1000.0)
            await asyncio.sleep(0)  # a day's backlog must not hold up the screens

    async def _look(self, reader: TopicReader) -> None:
        there = await reader.list_topics()
        for topic, start in self._starts().items():
            if topic in there and topic not in reader.topics_read:
                await reader.add([topic], start=start)

    def _starts(self) -> Mapping[str, Start]:
        day_ago = time.time() - LOOK_BACK_S
        compacted = {self._settings.topics.fl_rounds, self._settings.topics.device_status}
        return {topic: "earliest" if topic in compacted else day_ago for topic in self._board.topics}
