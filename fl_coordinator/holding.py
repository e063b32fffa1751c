"""Holds the lease while rounds run: renews it beside them, and ends them when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from contracts.errors import Unavailable
from fl_coordinator.lease import Lease

log = structlog.get_logger()
RENEWALS_A_TERM: Final = 4


async def holding(lease: Lease, ttl_s: float, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end under the lease; raises Fenced, having cancelled it, when another coordinator took over.

    A Redis that does not answer ends nothing: rounds ask it themselves, and skip.
    """
    working = asyncio.create_task(work)
    renewing = asyncio.create_task(_renew(lease, ttl_s / RENEWALS_A_TERM))
    try:
        await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        if renewing.done():
            renewing.result()
        await working
    finally:
        for task in (working, renewing):
            task.cancel()
        await asyncio.gather(working, renewing, return_exceptions=True)


async def _renew(lease: Lease, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await asyncio.to_thread(lease.check)
        except Unavailable as error:
            log.warning("lease_not_renewed", error=str(error))
