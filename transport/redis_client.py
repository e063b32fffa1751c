"""Redis clients from the settings: short timeouts, so that a lost Redis is noticed and not waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio

from contracts.errors import Misconfigured
from contracts.settings import Settings

TIMEOUT_S = 2.0


def connect_redis(settings: Settings) -> redis.Redis:
    """Return a blocking client (bytes in, bytes out) that connects at its first call; raises Misconfigured."""
    with _address_checked():
        return redis.Redis.from_url(settings.redis_url, **_options(settings))


def connect_redis_async(settings: Settings) -> redis.asyncio.Redis:
    """Return an asyncio client (bytes in, bytes out) that connects at its first call; raises Misconfigured."""
    with _address_checked():
        return redis.asyncio.Redis.from_url(settings.redis_url, **_options(settings))


@contextmanager
def _address_checked() -> Iterator[None]:
    try:
        yield
    except ValueError:  # its text may hold a part of the password
        raise Misconfigured(
            "REDIS_URL is no address of a Redis: write redis://HOST:6379/0, rediss://HOST:6379/0 (TLS) or unix:///PATH"
        ) from None


def _options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    if settings.redis_ca_file:
        options["ssl_ca_certs"] = str(settings.redis_ca_file)
    return options
