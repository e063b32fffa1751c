"""The Redis view of the devices, written by a script that refuses a worker whose devices were taken over."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from contracts.messages.verdicts import DeviceStatus, encode_verdict
from contracts.redis_keys import RedisKeys
from contracts.redis_types import OF_TYPE, is_wrong_type
from streams.publisher import DeviceResult
from transport.device_status_reader import SHOW
from transport.redis.failures import RedisFailed
from transport.redis.health import asking

log = structlog.get_logger()

TAKE: Final = "take the devices' states"
REFUSED: Final = 0
ACCEPTED_BUT_LOST: Final = 2  # nothing was there; 1 is plainly accepted
MARK_LIFE_S: Final = 3600

WRITE_SCRIPT: Final = (
    OF_TYPE
    + """
-- KEYS: the worker's mark, last-seen set, then one hash a device; ARGV: the mark's number and life (s), then per device
-- id, held epoch, epoch, applied_through, received_at, status
local answers = {}
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
of_type(KEYS[2], 'zset')
for i = 3, #KEYS do
  of_type(KEYS[i], 'hash')
  local a = (i - 3) * 6 + 2
  local held, epoch, through = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  local stored = redis.call('HMGET', KEYS[i], 'epoch', 'applied_through')
  local stored_epoch, stored_through = tonumber(stored[1] or '-1') or -1, tonumber(stored[2] or '-1') or -1
  if stored_epoch > held or (stored_epoch == epoch and stored_through > through) then
    answers[i - 2] = 0
  else
    redis.call('HSET', KEYS[i], 'epoch', ARGV[a + 3], 'applied_through', ARGV[a + 4], 'status', ARGV[a + 6])
    redis.call('ZADD', KEYS[2], ARGV[a + 5], ARGV[a + 1])
    answers[i - 2] = stored[1] and 1 or 2
  end
end
return answers
"""
)

TAKE_SCRIPT: Final = (
    OF_TYPE
    + """
-- KEYS: one hash a device; ARGV: per device the epoch of its snapshot. Takes the next epoch. The former holder may
-- have shown more than it published, so under the new epoch the minutes count from the snapshot again.
local epochs = {}
for i = 1, #KEYS do
  of_type(KEYS[i], 'hash')
  local stored = tonumber(redis.call('HGET', KEYS[i], 'epoch') or '0') or 0
  epochs[i] = math.max(stored, tonumber(ARGV[i])) + 1
  redis.call('HSET', KEYS[i], 'epoch', epochs[i])
  redis.call('HDEL', KEYS[i], 'applied_through')
end
return epochs
"""
)


class StatusStore:
    """Writes the view. When Redis is away nothing stops: Kafka is the record, and the view is rewritten later.

    Every write leaves a mark in Redis, a number that rises. A Redis whose mark is lower than the last that was confirmed, or
    that has none, is not what was written to: restarted, emptied, or a replica promoted before the last writes had reached it.
    """

    def __init__(self, client: redis.asyncio.Redis, keys: RedisKeys) -> None:
        # One try a call: while Redis is away it is asked once a second (`needs_rewrite`), not once a micro-batch.
        client.set_retry(Retry(NoBackoff(), 0))
        self._client = client
        self._keys = keys
        self._write = client.register_script(WRITE_SCRIPT)
        self._take = client.register_script(TAKE_SCRIPT)
        self._is_away = False
        self._mark_key = keys.written_mark(secrets.token_hex(8))
        self._mark = self._confirmed = 0
        self._in_order = asyncio.Lock()  # two connections may overtake each other
        self.stale_view = False

    async def write(self, results: Sequence[DeviceResult]) -> set[str]:
        """Show the statuses in one call and return the devices refused because another worker took them."""
        return await self._show([(result.status, result.held_epoch) for result in results])

    async def take_epochs(self, snapshot_epochs: Mapping[str, int]) -> dict[str, int]:
        """Return a new epoch for each device, above its snapshot's and Redis' (without Redis, the snapshot's + 1)."""
        devices = list(snapshot_epochs)
        if not devices:
            return {}
        keys = [self._keys.device(device) for device in devices]
        answers = await self._run(self._take, keys, [snapshot_epochs[device] for device in devices])
        if answers is None:
            self.stale_view = True
            return {device: epoch + 1 for device, epoch in snapshot_epochs.items()}
        return {device: int(epoch) for device, epoch in zip(devices, answers, strict=True)}

    async def epochs(self, devices: Sequence[str]) -> dict[str, int]:
        """Return the epochs that Redis knows (none when it is away)."""
        if self._is_away or not devices:
            return {}
        try:
            with asking(SHOW, writes=False):
                pipeline = self._client.pipeline(transaction=False)
                for device in devices:
                    pipeline.hget(self._keys.device(device), "epoch")
                answers: list[Any] = await pipeline.execute(raise_on_error=False)
                for answer in answers:
                    if isinstance(answer, RedisError) and not is_wrong_type(answer):
                        raise answer
        except RedisFailed:
            self._is_away = True
            return {}
        return {
            device: int(epoch)
            for device, epoch in zip(devices, answers, strict=True)
            if isinstance(epoch, bytes) and epoch.isdigit()
        }

    async def needs_rewrite(self) -> bool:
        """Write the next mark, about once a second, and return whether Redis takes writes and lacks what was written."""
        try:
            async with self._in_order:
                mark = self._next_mark()
                with asking("take a write", writes=True):
                    found = await self._swap_mark(mark)
        except RedisFailed:
            self._is_away = True
            return False
        self._is_away = False
        if int(found or 0) < self._confirmed:
            self.stale_view = True
        self._confirmed = mark
        return self.stale_view

    async def _swap_mark(self, mark: int) -> Any:
        """Write the mark and return the one before. One of another type is none."""
        try:
            return await self._client.set(self._mark_key, mark, ex=MARK_LIFE_S, get=True)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            await self._client.set(self._mark_key, mark, ex=MARK_LIFE_S)
            return None

    async def rewrite(self, statuses: Sequence[DeviceStatus]) -> set[str]:
        """Show everything again after a loss and return the devices refused."""
        refused = await self._show([(status, status.epoch) for status in statuses])
        # Keys were missing because the view was lost, and that is mended now; unless Redis went away again.
        self.stale_view = self._is_away
        if statuses and not self._is_away:
            log.info("redis_view_rewritten", devices=len(statuses) - len(refused))
        return refused

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _show(self, held: Sequence[tuple[DeviceStatus, int]]) -> set[str]:
        """Write each status with the epoch that this worker holds."""
        if not held:
            return set()
        devices = [self._keys.device(status.device_id) for status, _ in held]
        keys = [self._mark_key, self._keys.devices_last_seen, *devices]
        fields = [field for status, epoch in held for field in _fields(status, epoch)]
        async with self._in_order:
            mark = self._next_mark()
            answers = await self._run(self._write, keys, [mark, MARK_LIFE_S, *fields])
        if answers is None:
            self.stale_view = True
            return set()
        self._confirmed = mark
        if ACCEPTED_BUT_LOST in answers:
            self.stale_view = True
        return {status.device_id for (status, _), answer in zip(held, answers, strict=True) if answer == REFUSED}

    async def _run(self, script: Any, keys: Sequence[str], args: Sequence[Any]) -> list[Any] | None:
        if self._is_away:
            return None
        try:
            with asking(TAKE, writes=True):
                try:
                    answers = await self._client.evalsha(script.sha, len(keys), *keys, *args)
                except NoScriptError:
                    answers = await script(keys=keys, args=args)
        except RedisFailed:
            self._is_away = True
            return None
        return list(answers)

    def _next_mark(self) -> int:
        self._mark += 1
        return self._mark


def _fields(status: DeviceStatus, held_epoch: int) -> tuple[Any, ...]:
    view = encode_verdict(msgspec.structs.replace(status, snapshot=None))
    return status.device_id, held_epoch, status.epoch, status.applied_through, status.received_at, view
