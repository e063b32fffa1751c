"""The Redis view of the devices, written by a script that refuses a worker whose devices were taken over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import redis
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from contracts.messages.verdicts import DeviceStatus, encode_verdict
from contracts.metrics import REDIS_UP
from contracts.redis_keys import RedisKeys
from contracts.redis_types import OF_TYPE, is_wrong_type
from streams.publisher import DeviceResult

log = structlog.get_logger()

REFUSED: Final = 0
ACCEPTED_BUT_LOST: Final = 2  # nothing was there; 1 is plainly accepted
REMIND_EVERY_S: Final = 60.0

WRITE_SCRIPT: Final = (
    OF_TYPE
    + """
-- KEYS: last-seen set, then one hash a device; ARGV: per device id, held epoch, epoch, applied_through, received_at, status
local answers = {}
of_type(KEYS[1], 'zset')
for i = 2, #KEYS do
  of_type(KEYS[i], 'hash')
  local a = (i - 2) * 6
  local held, epoch, through = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  local stored = redis.call('HMGET', KEYS[i], 'epoch', 'applied_through')
  local stored_epoch, stored_through = tonumber(stored[1] or '-1') or -1, tonumber(stored[2] or '-1') or -1
  if stored_epoch > held or (stored_epoch == epoch and stored_through > through) then
    answers[i - 1] = 0
  else
    redis.call('HSET', KEYS[i], 'epoch', ARGV[a + 3], 'applied_through', ARGV[a + 4], 'status', ARGV[a + 6])
    redis.call('ZADD', KEYS[1], ARGV[a + 5], ARGV[a + 1])
    answers[i - 1] = stored[1] and 1 or 2
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
    """Writes the view. When Redis is away nothing stops: Kafka is the record, and the view is rewritten later."""

    def __init__(
        self, client: redis.asyncio.Redis, keys: RedisKeys, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # One try a call: while Redis is away it is asked once a second (`is_back`), not once a micro-batch.
        client.set_retry(Retry(NoBackoff(), 0))
        self._client = client
        self._keys = keys
        self._clock = clock
        self._write = client.register_script(WRITE_SCRIPT)
        self._take = client.register_script(TAKE_SCRIPT)
        self._up: bool | None = None
        self._reminded_at = 0.0
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
        if self._up is False or not devices:
            return {}
        try:
            pipeline = self._client.pipeline(transaction=False)
            for device in devices:
                pipeline.hget(self._keys.device(device), "epoch")
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, RedisError) and not is_wrong_type(answer):
                    raise answer
        except (RedisError, OSError) as error:
            self._note(error)
            return {}
        self._note(None)
        return {
            device: int(epoch)
            for device, epoch in zip(devices, answers, strict=True)
            if isinstance(epoch, bytes) and epoch.isdigit()
        }

    async def needs_rewrite(self) -> bool:
        """Ask Redis, about once a second, whether it answers and still has the view."""
        try:
            scripts: list[bool] = await self._client.script_exists(self._write.sha)
            if not all(scripts):
                # A Redis that lost the script was restarted: it lost the view as well.
                self.stale_view = True
                await self._client.script_load(WRITE_SCRIPT)
        except (RedisError, OSError) as error:
            self._note(error)
            return False
        self._note(None)
        return self.stale_view

    async def rewrite(self, statuses: Sequence[DeviceStatus]) -> set[str]:
        """Show everything again after a loss and return the devices refused."""
        self.stale_view = False
        refused = await self._show([(status, status.epoch) for status in statuses])
        # Keys were missing because the view was lost, and that is mended now; unless Redis went away again.
        self.stale_view = self._up is False
        if statuses:
            log.info("redis_view_rewritten", devices=len(statuses) - len(refused))
        return refused

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _show(self, held: Sequence[tuple[DeviceStatus, int]]) -> set[str]:
        """Write each status with the epoch that this worker holds."""
        if not held:
            return set()
        keys = [self._keys.devices_last_seen, *(self._keys.device(status.device_id) for status, _ in held)]
        answers = await self._run(
            self._write, keys, [field for status, epoch in held for field in _fields(status, epoch)]
        )
        if answers is None:
            self.stale_view = True
            return set()
        if ACCEPTED_BUT_LOST in answers:
            self.stale_view = True
        return {status.device_id for (status, _), answer in zip(held, answers, strict=True) if answer == REFUSED}

    async def _run(self, script: Any, keys: Sequence[str], args: Sequence[Any]) -> list[Any] | None:
        if self._up is False:
            return None
        try:
            try:
                answers = await self._client.evalsha(script.sha, len(keys), *keys, *args)
            except NoScriptError:
                self.stale_view = True
                answers = await script(keys=keys, args=args)
        except (RedisError, OSError) as error:
            self._note(error)
            return None
        self._note(None)
        return list(answers)

    def _note(self, error: Exception | None) -> None:
        REDIS_UP.set(0 if error else 1)
        now = self._clock()
        if error is None:
            if self._up is False:
                log.info("redis_back")
            self._up = True
        elif self._up is not False or now - self._reminded_at >= REMIND_EVERY_S:
            log.warning("redis_unreachable", error=type(error).__name__)
            self._up, self._reminded_at = False, now


def _fields(status: DeviceStatus, held_epoch: int) -> tuple[Any, ...]:
    view = encode_verdict(msgspec.structs.replace(status, snapshot=None))
    return status.device_id, held_epoch, status.epoch, status.applied_through, status.received_at, view
