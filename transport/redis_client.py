"""Redis clients from the settings, with short timeouts, that follow the primary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.connection import parse_url

from contracts.configuration.addresses import REDIS_REFUSED, RedisAddress, parse_redis
from contracts.configuration.parts import ServiceSettings
from contracts.errors import Misconfigured
from transport.redis.connections import following
from transport.redis.primary import Primary
from transport.redis.sentinels import async_client_by_sentinels, client_by_sentinels, server_url
from transport.tls import tls_context

TIMEOUT_S: Final = 2.0


_CONNECTIONS: Final[dict[str, tuple[type, type]]] = {
    "redis": (redis.Connection, redis.asyncio.Connection),
    "rediss": (redis.SSLConnection, redis.asyncio.SSLConnection),
    "unix": (redis.UnixDomainSocketConnection, redis.asyncio.UnixDomainSocketConnection),
}


def connect_redis(settings: ServiceSettings, primary: Primary | None = None) -> redis.Redis:
    """Return a blocking client (bytes in, bytes out) that connects at its first call. Raises Misconfigured.

    `primary` is told which server its connections reach.
    """
    with _address_checked():
        address, options = _address_and_options(settings, primary)
        if address.sentinels:
            client = client_by_sentinels(address, options)
        else:
            blocking, _ = _CONNECTIONS[address.scheme]
            client = redis.Redis.from_pool(redis.ConnectionPool(connection_class=following(blocking), **options))
        _try_options(client.connection_pool)
        return client


def connect_redis_async(settings: ServiceSettings, primary: Primary | None = None) -> redis.asyncio.Redis:
    """Return an asyncio client, as `connect_redis`."""
    with _address_checked():
        address, options = _address_and_options(settings, primary)
        if address.sentinels:
            client = async_client_by_sentinels(address, options)
        else:
            _, awaited = _CONNECTIONS[address.scheme]
            pool = redis.asyncio.ConnectionPool(connection_class=following(awaited), **options)
            client = redis.asyncio.Redis.from_pool(pool)
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


def _address_and_options(settings: ServiceSettings, primary: Primary | None) -> tuple[RedisAddress, dict[str, Any]]:
    """Return where Redis is, and what connections to a server are made with."""
    address = parse_redis(settings.redis_url)
    options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    options["primary"] = primary or Primary()
    if settings.redis_ca_file:
        tls_context(settings.redis_ca_file, "FEDSECURE_REDIS_CA_FILE")  # the client itself reads it when it connects
        options["ssl_ca_certs"] = str(settings.redis_ca_file)
    options |= parse_url(server_url(settings.redis_url, address))
    options.pop("connection_class", None)
    return address, options
