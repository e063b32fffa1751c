"""Redis clients from the settings: short timeouts, so that a lost Redis is noticed and not waited for."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio

from contracts.settings import Settings

TIMEOUT_S = 2.0


def connect_redis(settings: Settings) -> redis.Redis:
    """Return a blocking client (bytes in, bytes out); no connection is made before the first call."""
    return redis.Redis.from_url(settings.redis_url, **_options(settings))


def connect_redis_async(settings: Settings) -> redis.asyncio.Redis:
    """Return an asyncio client (bytes in, bytes out); no connection is made before the first call."""
    return redis.asyncio.Redis.from_url(settings.redis_url, **_options(settings))


def _options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    if settings.redis_ca_file:
        options["ssl_ca_certs"] = str(settings.redis_ca_file)
    return options
