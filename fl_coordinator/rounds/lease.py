"""The lease in Redis by which one coordinator is active at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import redis

from contracts.errors import Unavailable
from contracts.redis_keys import RedisKeys
from contracts.redis_types import OF_TYPE
from fl_coordinator.errors import Fenced
from transport.redis.health import asking

BUSY: Final = 0
_TAKE: Final = (
    OF_TYPE
    + """
of_type(KEYS[1], 'string')
of_type(KEYS[2], 'string')
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then return 0 end
local token = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') or 0, tonumber(ARGV[1])) + 1
redis.call('SET', KEYS[1], token)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return token
"""
)
_HOLD: Final = (
    OF_TYPE
    + """
of_type(KEYS[1], 'string')
local token = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if token > tonumber(ARGV[1]) then return token end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return token
"""
)
_RELEASE: Final = (
    OF_TYPE
    + """
of_type(KEYS[2], 'string')
if redis.call('GET', KEYS[2]) == ARGV[2] then return redis.call('DEL', KEYS[2]) end
return 0
"""
)


class Lease:
    """Takes a token while no other coordinator is active, holds it by renewing, and notices when it was lost. Blocks.

    It runs out `ttl_s` after the last `check`. The token never falls: a coordinator that was silent for too long meets a
    higher one and must stop. All methods raise Unavailable when Redis does not take them.
    """

    def __init__(self, client: redis.Redis, keys: RedisKeys, ttl_s: float) -> None:
        self._client = client
        self._keys = (keys.coordinator_lease, keys.coordinator_holder)
        self._holder = secrets.token_hex(8)
        self._ttl_ms = max(1, round(ttl_s * 1000))
        self.token = 0

    def take(self, last_token: int) -> bool:
        """Take max(Redis, `last_token` of the rounds on record) + 1, or return False while another coordinator is active."""
        token = self._run(_TAKE, last_token)
        if token == BUSY:
            return False
        self.token = token
        return True

    def check(self) -> None:
        """Renew the lease. Raises Fenced when another coordinator is newer.

        A Redis that lost its data gets the token back, so that the newest of two still wins.
        """
        held = self._run(_HOLD, self.token)
        if held > self.token:
            raise Fenced(f"another coordinator took over (lease {held}, ours is {self.token}): stopping")

    def release(self) -> None:
        """Let the next coordinator begin at once."""
        self._run(_RELEASE, self.token)

    def _run(self, script: str, argument: int) -> int:
        with asking("keep the coordinator's lease", writes=True):
            return int(str(self._client.eval(script, 2, *self._keys, argument, self._holder, self._ttl_ms)))


RENEWALS_A_TERM: Final = 4


async def hold_lease(lease: Lease, ttl_s: float, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end under the lease. Raises Fenced, having cancelled it, when another coordinator took over.

    A Redis that does not work ends nothing: rounds ask it themselves, and skip.
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
        with suppress(Unavailable):  # said by then
            await asyncio.to_thread(lease.check)
