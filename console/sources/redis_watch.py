"""Reads every device's status from Redis twice a second, once for all screens, and keeps whether a service answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from contracts.errors import Unavailable
from contracts.messages.verdicts import DeviceStatus
from transport.clock import cancellable_sleep
from transport.device_status_reader import RedisDeviceStatusReader

log = structlog.get_logger()
EVERY_S: Final = 0.5
PATIENCE_S: Final = 1.5

Statuses = Mapping[str, DeviceStatus | None]


@dataclass(slots=True)
class Source:
    """One service that the console reads. `answers` is None before the first try. `since` is epoch seconds."""

    name: str
    clock: Callable[[], float]
    answers: bool | None = None
    since: float = 0.0
    reason: str = ""

    def answered(self) -> None:
        """Note that it just answered."""
        self._turn(True, "")

    def failed(self, reason: str) -> None:
        """Note that it did not."""
        self._turn(False, reason)

    def _turn(self, answers: bool, reason: str) -> None:
        if self.answers is not answers:
            self.since = self.clock()
            (log.info if answers else log.warning)("source_turned", source=self.name, answers=answers, reason=reason)
        self.answers, self.reason = answers, reason

    def as_dict(self) -> dict[str, Any]:
        """Return what pages show of it."""
        return {"name": self.name, "answers": self.answers, "since": self.since, "reason": self.reason}


class RedisWatch:
    """Reads until it is stopped: `statuses` is what Redis said last, `source` whether it still answers."""

    def __init__(self, reader: RedisDeviceStatusReader, source: Source, on_read: Callable[[], None]) -> None:
        self._reader = reader
        self._source = source
        self._on_read = on_read
        self.statuses: Statuses = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop."""
        while not stop.is_set():
            await self._read()
            await cancellable_sleep(EVERY_S, stop)

    async def _read(self) -> None:
        reading = asyncio.ensure_future(asyncio.to_thread(self._ask))
        # The client tries again by itself for some seconds: a screen must not look healthy for so long.
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE_S)
        if not done:
            self._source.failed("no answer")
        try:
            self.statuses = await reading
        except Unavailable as error:
            self._source.failed(str(error))
        else:
            self._source.answered()
        self._on_read()

    def _ask(self) -> Statuses:
        return self._reader.statuses(self._reader.known_devices())
