"""Redis clients from the settings, with short timeouts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio

from contracts.configuration.addresses import REDIS_REFUSED
from contracts.configuration.parts import ServiceSettings
from contracts.errors import Misconfigured
from transport.tls import tls_context

TIMEOUT_S = 2.0


def connect_redis(settings: ServiceSettings) -> redis.Redis:
    """Return a blocking client (bytes in, bytes out) that connects at its first call. Raises Misconfigured."""
    options = _options(settings)
    with _address_checked():
        client = redis.Redis.from_url(settings.redis_url, **options)
        _try_options(client.connection_pool)
        return client


def connect_redis_async(settings: ServiceSettings) -> redis.asyncio.Redis:
    """Return an asyncio client (bytes in, bytes out) that connects at its first call. Raises Misconfigured."""
    options = _options(settings)
    with _address_checked():
        client = redis.asyncio.Redis.from_url(settings.redis_url, **options)
        _try_options(client.connection_pool)
        return client


def _try_options(pool: redis.ConnectionPool | redis.asyncio.ConnectionPool) -> None:
    """Make a connection that is never opened: what it cannot take would be a traceback at the first call."""
    pool.connection_class(**pool.connection_kwargs)


@contextmanager
def _address_checked() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, redis.RedisError):  # its text may hold a part of the password
        raise Misconfigured(f"REDIS_URL {REDIS_REFUSED}") from None


def _options(settings: ServiceSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    if settings.redis_ca_file:
        tls_context(settings.redis_ca_file, "FEDSECURE_REDIS_CA_FILE")  # the client itself reads it when it connects
        options["ssl_ca_certs"] = str(settings.redis_ca_file)
    return options
