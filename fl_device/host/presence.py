"""Marks in Redis which devices a host runs now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import redis

from contracts.redis_keys import RedisKeys
from transport.redis.health import asking

PRESENCE: Final = "take the presence of devices"


class Presence:
    """Marks that expire `ttl_s` after the last `renew`. Blocks. Raises Unavailable when Redis does not take them."""

    def __init__(self, client: redis.Redis, keys: RedisKeys, ttl_s: float) -> None:
        self._client = client
        self._keys = keys
        self._ttl_ms = round(ttl_s * 1000)

    def renew(self, device_ids: Iterable[str]) -> None:
        """Say that these devices can answer a round."""
        with asking(PRESENCE, writes=True):
            pipeline = self._client.pipeline(transaction=False)
            for device_id in device_ids:
                pipeline.set(self._keys.presence(device_id), 1, px=self._ttl_ms)
            pipeline.execute()

    def end(self, device_ids: Iterable[str]) -> None:
        """Say that these devices have left."""
        with asking(PRESENCE, writes=True):
            self._client.delete(*map(self._keys.presence, device_ids))
