"""The console put together: sources, views, server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from aiohttp import web

from console.stage import Stage
from console.web.access import AccessControl
from console.web.attempts import Attempts
from console.web.inject import AttackChoice, Injector
from console.web.login import LoginPage
from console.web.security import is_loopback
from console.web.server import build_app
from console.web.sessions import Sessions
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fl_coordinator.gate.live import LiveGate, live_gate
from transport.certificates.server import ServerCertificate
from transport.clock import cancellable_sleep
from transport.device_status_reader import RedisDeviceStatusReader
from transport.listening import cannot_listen, url_of
from transport.redis.primary import Primary
from transport.redis_client import connect_redis

LEAST_TOKEN_CHARS: Final = 16
RENEWAL_EVERY_S: Final = 30.0
log = structlog.get_logger()


def token_for(settings: Settings) -> str | None:
    """Return the token that opens this console, None on loopback where none was set.

    Raises Misconfigured beyond loopback without one, for one that is too short, and for a file that cannot be read.
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
        raise Misconfigured(
            "a console that others can reach shows patients' vital signs and needs a token: write one into a file "
            "(`head -c 24 /dev/urandom | base64`) and name it in FEDSECURE_CONSOLE_TOKEN_FILE"
        )
    return given


class ConsoleProgram:
    """One console. `on_listening` is called with the address to open.

    `attacks`: what may be started on a running replay; None (the default) allows no writing at all.
    """

    def __init__(
        self, settings: Settings, on_listening: Callable[[str], None], attacks: Sequence[AttackChoice] | None = None
    ) -> None:
        self._settings = settings
        self._on_listening = on_listening
        self._injector = None if attacks is None else Injector(settings, attacks)
        self._certificate = certificate_of(settings)
        self._access_control = AccessControl((*settings.console_names, settings.console_host), _login_of(settings))
        self.stage: Stage | None = None

    def not_ready_because(self) -> str | None:
        """Return why pages show old data, or None."""
        if self.stage is None:
            return "starting"
        down = [source for source in (self.stage.redis, self.stage.kafka) if not source.answers]
        return "; ".join(f"{source.name}: {source.reason or 'not asked yet'}" for source in down) or None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until the stop. Raises Misconfigured when the address cannot be listened on."""
        primary = Primary()
        async with live_gate(self._settings, primary) as gate:
            with connect_redis(self._settings, primary) as client:
                await self._serve(stop, gate, RedisDeviceStatusReader(client, self._settings.redis_keys))

    async def _serve(self, stop: asyncio.Event, gate: LiveGate, reader: RedisDeviceStatusReader) -> None:
        self.stage = Stage(self._settings, reader, time.time)
        app = build_app(self.stage, self._access_control, self._injector, gate)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await self._listen(runner)
            await asyncio.gather(self.stage.run(stop), self._take_renewed(stop))
        finally:
            await _close(runner)

    async def _listen(self, runner: web.AppRunner) -> None:
        host, port = self._settings.console_host, self._settings.console_port
        try:
            tls = self._certificate.context if self._certificate else None
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except (OSError, ValueError) as error:
            raise cannot_listen(host, port, "FEDSECURE_CONSOLE", error) from None
        self._on_listening(url_of(host, runner.addresses[0][1], is_tls=tls is not None))

    async def _take_renewed(self, stop: asyncio.Event) -> None:
        """Show a certificate that was renewed. One that does not do is said, and the former shown on."""
        while self._certificate is not None and not stop.is_set():
            await cancellable_sleep(RENEWAL_EVERY_S, stop)
            try:
                if self._certificate.reload_if_renewed():
                    log.info("console_certificate_renewed")
            except Misconfigured as error:
                log.warning("console_certificate_not_renewed", error=str(error))


async def _close(runner: web.AppRunner) -> None:
    """Let all go. TLS connections are cut at last: their goodbye waits for the browser's, longer than the program may."""
    transports = [each.transport for each in runner.server.connections] if runner.server else []
    await runner.cleanup()
    for transport in transports:
        if transport is not None:
            transport.abort()
    await asyncio.sleep(0)


def certificate_of(settings: Settings) -> ServerCertificate | None:
    """Return the console's certificate, None where it is served without TLS. Raises Misconfigured."""
    if settings.console_tls_cert_file is None:
        return None
    return ServerCertificate(settings.console_tls_cert_file, settings.console_tls_key_file)


def _login_of(settings: Settings) -> LoginPage | None:
    token = token_for(settings)
    return None if token is None else LoginPage(Sessions(token, settings.console_session_s), Attempts())
