"""Clients of a primary that Sentinels name, made of redis-py's own."""

from __future__ import annotations

import re
from typing import Any, Final

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry

from contracts.configuration.addresses import RedisAddress
from transport.redis.connections import following

SENTINEL_TIMEOUT_S: Final = 0.5
"""One that is gone must not keep the program long from asking the next."""


class _Pool(redis.sentinel.SentinelConnectionPool):
    """Closes the connections to the Sentinels as well."""

    def close(self) -> None:
        super().close()
        self.sentinel_manager.close()


class _AsyncPool(redis.asyncio.sentinel.SentinelConnectionPool):
    """Closes the connections to the Sentinels as well."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def server_url(url: str, address: RedisAddress) -> str:
    """Return the URL of one server: of a URL with Sentinels what holds for every server that they may name (log-in, options)."""
    return re.sub(r"\+sentinel://([^@/]*@)?[^/]*/[^/?]*", r"://\1any", url) if address.sentinels else url


def client_by_sentinels(address: RedisAddress, options: dict[str, Any]) -> redis.Redis:
    """Return a client that asks the Sentinels for the primary at each new connection. `options` are those of a server."""
    return redis.Redis.from_pool(_pool(redis.sentinel, _Pool, Retry(NoBackoff(), 0), address, options))


def async_client_by_sentinels(address: RedisAddress, options: dict[str, Any]) -> redis.asyncio.Redis:
    """Return an asyncio client, as `client_by_sentinels`."""
    retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
    return redis.asyncio.Redis.from_pool(_pool(redis.asyncio.sentinel, _AsyncPool, retry, address, options))


def _pool(library: Any, pool_class: Any, retry: Any, address: RedisAddress, options: dict[str, Any]) -> Any:
    """Return a pool of connections to the primary. The Sentinels are reached with TLS if it is, and with a log-in of their own."""
    of_sentinels = {name: value for name, value in options.items() if name.startswith("ssl_")}
    of_sentinels |= {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    of_sentinels |= dict.fromkeys(("socket_timeout", "socket_connect_timeout"), SENTINEL_TIMEOUT_S)
    sentinels = library.Sentinel(
        address.sentinels, sentinel_kwargs=of_sentinels | {"ssl": address.is_tls, "retry": retry}
    )
    managed = library.SentinelManagedSSLConnection if address.is_tls else library.SentinelManagedConnection
    of_servers = {name: value for name, value in options.items() if name not in {"host", "port"}}
    return pool_class(address.service, sentinels, connection_class=following(managed), **of_servers)
