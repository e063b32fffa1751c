"""Marks in Redis which devices a host runs now."""

from __future__ import annotations

from collections.abc import Iterable

import redis

from contracts.errors import Unavailable
from contracts.redis_keys import RedisKeys


class Presence:
    """Marks that expire `ttl_s` after the last `renew`. Blocks. Raises Unavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, keys: RedisKeys, ttl_s: float) -> None:
        self._client = client
        self._keys = keys
        self._ttl_ms = round(ttl_s * 1000)

    def renew(self, device_ids: Iterable[str]) -> None:
        """Say that these devices can answer a round."""
        try:
            pipeline = self._client.pipeline(transaction=False)
            for device_id in device_ids:
                pipeline.set(self._keys.presence(device_id), 1, px=self._ttl_ms)
            pipeline.execute()
        except redis.RedisError as error:
            raise _unavailable(error) from None

    def end(self, device_ids: Iterable[str]) -> None:
        """Say that these devices have left."""
        try:
            self._client.delete(*map(self._keys.presence, device_ids))
        except redis.RedisError as error:
            raise _unavailable(error) from None


def _unavailable(error: redis.RedisError) -> Unavailable:
    return Unavailable(f"Redis does not take the devices' presence ({type(error).__name__})")
