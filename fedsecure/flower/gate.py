"""The live gate for a program without a loop of its own, as a ServerApp of Flower is."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from threading import Thread
from typing import Any, Final, Protocol, Self, TypeVar

from contracts.configuration.secret_files import take_secrets
from contracts.configuration.settings import Settings
from contracts.signing import Signed
from fedsecure.endpoints import settings_for_running_stack
from fl_coordinator.gate.live import GateReading, live_gate
from transport.probes import serve_probes

# Flower's own logger: what is said stands among its lines, in the run's log too.
log: Final = logging.getLogger("flwr")
Answer = TypeVar("Answer")


class GateLike(Protocol):
    """As much of the gate as a grid needs."""

    def read(self) -> GateReading:
        """Return who may train now. Blocks for some milliseconds, for seconds while a service does not answer."""

    def check(self, signed: Signed) -> None:
        """Raise UpdateRefused unless the device's key as of the last reading signed this."""


class Gate:
    """Reads the gate of one installation. It says once when the gate closes and why, and once when it is open again."""

    def __init__(self, settings: Settings) -> None:
        self._closed_because: str | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fedsecure-gate", daemon=True)
        self._thread.start()
        self._opened = AsyncExitStack()
        atexit.register(self.close)
        self._live = self._run(self._opened.enter_async_context(live_gate(settings)))
        if (probes := serve_probes(settings, "gate", ready=lambda: self._closed_because)) is not None:
            self._opened.callback(probes.close)

    @classmethod
    def from_env(cls) -> Self:
        """Return the gate of the installation that the environment names, else of the local stack. Raises Misconfigured."""
        take_secrets(os.environ)
        return cls(settings_for_running_stack())

    def read(self) -> GateReading:
        reading = self._run(self._live.read())
        if (reading.closed_because is None) != (self._closed_because is None):
            if reading.closed_because is not None:
                log.warning("The gate is closed, nobody may train: %s", reading.closed_because)
            else:
                log.info("The gate can be read again.")
        self._closed_because = reading.closed_because
        return reading

    def check(self, signed: Signed) -> None:
        self._live.check(signed)

    def close(self) -> None:
        """Close the connections. A second call does nothing."""
        if self._loop.is_closed():
            return
        self._run(self._opened.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        atexit.unregister(self.close)

    def _run(self, awaited: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(awaited, self._loop).result()
