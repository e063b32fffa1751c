"""A device host inside the test's own process: the whole program, but without another start of TensorFlow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from contracts.configuration.settings import Settings
from fl_device.host.program import DeviceProgram
from fl_device.keys.folder import KeyFolder
from transport.redis_client import connect_redis


@asynccontextmanager
async def hosting(
    settings: Settings, device_ids: tuple[str, ...] | None = None, *, clock_off_s: float = 0.0
) -> AsyncIterator[None]:
    """A host with a clock of its own, asked to stop at the end."""
    stop = asyncio.Event()
    keys = KeyFolder(settings.device_key_dir)
    host = DeviceProgram(settings, device_ids, keys, clock=lambda: time.time() + clock_off_s)
    running = asyncio.create_task(host.run(stop))
    try:
        while host.not_ready_because():
            assert not running.done(), await running
            await asyncio.sleep(0.05)
        yield
    finally:
        stop.set()
        await running


async def until_present(settings: Settings, device_ids: Iterable[str]) -> None:
    """Wait until a host says that it runs the devices."""
    with connect_redis(settings) as redis:
        for device_id in device_ids:
            while not redis.exists(settings.redis_keys.presence(device_id)):
                await asyncio.sleep(0.05)
