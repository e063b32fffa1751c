"""The console put together: sources, views, server."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

from aiohttp import web

from console.stage import Stage
from console.web.inject import AttackChoice, Injector
from console.web.security import AccessControl, is_loopback
from console.web.server import build_app
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from transport.device_status_reader import RedisDeviceStatusReader
from transport.listening import cannot_listen, url_of
from transport.redis_client import connect_redis

LEAST_TOKEN_CHARS = 16


def token_for(settings: Settings) -> str | None:
    """Return the token that opens this console: the one that was set, one made now beyond loopback, else None.

    Raises Misconfigured for one that is too short or a file that cannot be read.
    """
    given = settings.console_token.get_secret_value() if settings.console_token else None
    if given is None and settings.console_token_file is not None:
        try:
            given = settings.console_token_file.read_text().strip()
        except OSError as error:
            raise Misconfigured(f"FEDSECURE_CONSOLE_TOKEN_FILE: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Misconfigured("FEDSECURE_CONSOLE_TOKEN_FILE: the file holds no text") from None
    if given is not None and len(given) < LEAST_TOKEN_CHARS:
        raise Misconfigured(f"the console's token is too short: use at least {LEAST_TOKEN_CHARS} characters")
    if given is None and not is_loopback(settings.console_published_on or settings.console_host):
        return secrets.token_urlsafe(24)
    return given


class ConsoleProgram:
    """One console. `on_listening` is called with the address to open, the token in it when it was made here.

    `attacks`: what may be started on a running replay; None (the default) allows no writing at all.
    """

    def __init__(
        self, settings: Settings, on_listening: Callable[[str], None], attacks: Sequence[AttackChoice] | None = None
    ) -> None:
        self._settings = settings
        self._on_listening = on_listening
        self._injector = None if attacks is None else Injector(settings, attacks)
        self._token = token_for(settings)
        # A token that was given is known, and what is printed ends in a log.
        self._is_given = settings.console_token is not None or settings.console_token_file is not None
        self.stage: Stage | None = None

    def not_ready_because(self) -> str | None:
        """Return why pages show old data, or None."""
        if self.stage is None:
            return "starting"
        down = [source for source in (self.stage.redis, self.stage.kafka) if not source.answers]
        return "; ".join(f"{source.name}: {source.reason or 'not asked yet'}" for source in down) or None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until the stop. Raises Misconfigured when the address cannot be listened on."""
        with connect_redis(self._settings) as client:
            self.stage = Stage(self._settings, RedisDeviceStatusReader(client, self._settings.redis_keys), time.time)
            access_control = AccessControl((*self._settings.console_names, self._settings.console_host), self._token)
            # No access log: an address may hold the token.
            runner = web.AppRunner(
                build_app(self.stage, access_control, self._injector), access_log=None, shutdown_timeout=1.0
            )
            await runner.setup()
            try:
                await self._listen(runner)
                await self.stage.run(stop)
            finally:
                await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        host, port = self._settings.console_host, self._settings.console_port
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, ValueError) as error:
            raise cannot_listen(host, port, "FEDSECURE_CONSOLE", error) from None
        bound = runner.addresses[0][1]
        self._on_listening(
            url_of(host, bound) + (f"?token={self._token}" if self._token and not self._is_given else "")
        )
