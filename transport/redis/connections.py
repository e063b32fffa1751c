"""Connections that do not stay with a server that is no longer the primary, whatever they connect by."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import AbstractConnection as AbstractAsyncConnection
from redis.exceptions import ResponseError

from transport.redis.failures import LeftServer, failure_of
from transport.redis.primary import Primary

if TYPE_CHECKING:  # what is used of redis-py's connections, which have few types

    class _Base:
        is_connected: bool

        def __init__(self, *arguments: Any, **options: Any) -> None: ...
        def connect(self) -> None: ...
        def disconnect(self) -> None: ...
        def on_connect_check_health(self, check_health: bool = True) -> None: ...
        def send_command(self, *arguments: Any, **options: Any) -> None: ...
        def read_response(self, *arguments: Any, **options: Any) -> Any: ...

    class _AsyncBase:
        is_connected: bool

        def __init__(self, *arguments: Any, **options: Any) -> None: ...
        async def connect(self) -> None: ...
        async def disconnect(self) -> None: ...
        async def on_connect_check_health(self, check_health: bool = True) -> None: ...
        async def send_command(self, *arguments: Any, **options: Any) -> None: ...
        async def read_response(self, *arguments: Any, **options: Any) -> Any: ...

else:
    _Base = _AsyncBase = object


class _Following(_Base):
    """Connects anew, resolving the address again, when its server takes no writes, it is old, or another server was met since."""

    def __init__(self, *arguments: Any, primary: Primary, **options: Any) -> None:
        self._primary = primary
        self._connected_at = float("-inf")
        super().__init__(*arguments, **options)

    def connect(self) -> None:
        if self.is_connected and self._primary.is_older(self._connected_at):
            self.disconnect()
        super().connect()

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        self.send_command("INFO", "server", check_health=False)
        try:
            server = _run_id(self.read_response())
        except ResponseError:
            server = _address(self)
        self._connected_at = self._primary.met(server)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except ResponseError as error:
            if not failure_of(error).leave:
                raise
            self.disconnect()
            raise LeftServer(str(error)) from error


class _AsyncFollowing(_AsyncBase):
    """The same for asyncio."""

    def __init__(self, *arguments: Any, primary: Primary, **options: Any) -> None:
        self._primary = primary
        self._connected_at = float("-inf")
        super().__init__(*arguments, **options)

    async def connect(self) -> None:
        if self.is_connected and self._primary.is_older(self._connected_at):
            await self.disconnect()
        await super().connect()

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        await self.send_command("INFO", "server", check_health=False)
        try:
            server = _run_id(await self.read_response())
        except ResponseError:
            server = _address(self)
        self._connected_at = self._primary.met(server)

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)
        except ResponseError as error:
            if not failure_of(error).leave:
                raise
            await self.disconnect()
            raise LeftServer(str(error)) from error


@cache
def following(connection_class: type[Any]) -> type[Any]:
    """Return a connection class of redis-py (plain, TLS, socket, by Sentinels) that follows the primary given as `primary`."""
    is_async = issubclass(connection_class, AbstractAsyncConnection)
    base = _AsyncFollowing if is_async else _Following
    return type(f"Following{connection_class.__name__}", (base, connection_class), {})


def _run_id(info: bytes) -> str:
    found = re.search(rb"run_id:(\w+)", info)
    return found[1].decode() if found else ""


def _address(connection: Any) -> str:
    """Return all that is known of a server whose user may not ask for its run id."""
    return f"{getattr(connection, 'host', '')}:{getattr(connection, 'port', '')}"
