"""Finds the topics of patients who arrive while the worker runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

import structlog

from contracts.errors import Unavailable
from contracts.identifiers import is_device_id
from streams.vitals_records import DeviceNames
from transport.kafka.offset_range_reader import OffsetRangeReader

log = structlog.get_logger()

REMIND_EVERY_S = 60.0


class Discovery:
    """Lists the topics again and again and hands on all vitals topics, once a round, also after the broker was lost."""

    def __init__(self, reader: OffsetRangeReader, names: DeviceNames, interval_s: float) -> None:
        self._reader = reader
        self._names = names
        self._interval_s = interval_s
        self._lost_since: float | None = None
        self._reminded_at = 0.0

    async def run(self, subscribe: Callable[[Collection[str]], None]) -> None:
        """Run until cancelled. `subscribe` gets every vitals topic known, also when nothing changed."""
        while True:
            try:
                subscribe(await self.vitals_topics())
            except Unavailable as error:
                self._note_lost(str(error))
            else:
                self._note_back()
            await asyncio.sleep(self._interval_s)

    async def vitals_topics(self) -> set[str]:
        """Return the vitals topics that exist. Raises Unavailable."""
        return {topic for topic in await self._reader.topics() if self._names.is_vitals(topic) and self._named(topic)}

    def _named(self, topic: str) -> bool:
        return self._names.shared or is_device_id(self._names.device_of(topic, None))

    def _note_lost(self, reason: str) -> None:
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since = now
        elif now - self._reminded_at < REMIND_EVERY_S:
            return
        self._reminded_at = now
        log.warning("kafka_unreachable", reason=reason, seconds=round(now - self._lost_since, 1))

    def _note_back(self) -> None:
        if self._lost_since is not None:
            log.info("kafka_back", seconds=round(time.monotonic() - self._lost_since, 1))
            self._lost_since = None
