"""A wait that a stop cuts short."""

from __future__ import annotations

import asyncio
import contextlib


async def pause(wait_s: float, stop: asyncio.Event) -> None:
    """Wait so long, or until the stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), wait_s)
