"""Finds the topics of patients who arrive while the worker runs, and those that vanish or are made anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from contracts.errors import Unavailable
from contracts.identifiers import is_device_id
from streams.vitals_records import DeviceNames
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.protocol.topic_ids import TopicIds

log = structlog.get_logger()

REMIND_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the topics showed.

    `vitals` are the devices' topics that exist. Since the look before, `changed` came, went or were made anew, `anew` were there
    both times and are others by their ids. `missing` are fixed topics that were seen once and are not there. The first look knows of
    no change.
    """

    vitals: set[str]
    changed: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


class Discovery:
    """Lists the topics again and again and hands on what it saw, once a round, also after the broker was lost."""

    def __init__(self, reader: OffsetRangeReader, names: DeviceNames, interval_s: float) -> None:
        self._reader = reader
        self._names = names
        self._fixed = {spec.name for spec in names.topics.fixed()}
        self._interval_s = interval_s
        self._before: TopicIds | None = None
        self._seen: set[str] = set()
        self._lost_since: float | None = None
        self._reminded_at = 0.0

    async def run(self, heed: Callable[[Look], Awaitable[None]]) -> None:
        """Run until cancelled. `heed` gets every look, also when nothing changed."""
        while True:
            try:
                await heed(await self.look())
            except Unavailable as error:
                self._note_lost(str(error))
            else:
                self._note_back()
            await asyncio.sleep(self._interval_s)

    async def look(self) -> Look:
        """Look once. Raises Unavailable."""
        listed = await self._reader.topics()
        vitals = {topic for topic in listed if self._names.is_vitals(topic) and self._named(topic)}
        now = {topic: listed[topic] for topic in listed if topic in vitals or topic in self._fixed}
        before, self._before = self._before, now
        self._seen |= self._fixed & now.keys()  # what a principal may not see it must not miss either
        missing = self._seen - now.keys()
        if before is None:
            return Look(vitals, missing=missing)
        anew = {topic for topic in before.keys() & now.keys() if before[topic] != now[topic]}
        for topic in sorted(anew | (before.keys() - now.keys())):
            log.warning("topic_made_anew" if topic in anew else "topic_gone", topic=topic)
        return Look(vitals, (before.keys() ^ now.keys()) | anew, anew, missing)

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
