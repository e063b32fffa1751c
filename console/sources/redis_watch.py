"""Reads every device's status from Redis twice a second, once for all screens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from console.sources.health import Source
from contracts.errors import Unavailable
from contracts.verdicts import DeviceStatus
from transport.clock import cancellable_sleep
from transport.device_status_reader import RedisDeviceStatusReader

EVERY_S: Final = 0.5
PATIENCE_S: Final = 1.5

Statuses = Mapping[str, DeviceStatus | None]


class RedisWatch:
    """`statuses` holds what Redis said last; `source` whether it still answers."""

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
