"""Runs a long-lived program beside its probes, and ends it on Ctrl-C or SIGTERM within ten seconds."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from threading import Timer
from typing import Final, Protocol

import structlog

from contracts.configuration.settings import Settings
from contracts.metrics import ProgramName
from transport.probes import serve_probes

log = structlog.get_logger()
GRACE_S: Final = 8.0  # with LAST_RESORT_S less than the ten seconds after which Docker kills
LAST_RESORT_S: Final = 1.0


class Program(Protocol):
    """What runs until its event is set, and says why it is not ready, if it is not."""

    def not_ready_because(self) -> str | None: ...

    async def run(self, stop: asyncio.Event) -> None: ...


def run_program(make: Callable[[], Program], settings: Settings, name: ProgramName) -> None:
    """Make a program and run it until a signal, with its probes where the settings name a port for them.

    The program ends by itself soon after its event is set, which SIGINT and SIGTERM do. One that hangs on a service that is
    gone is cancelled after `GRACE_S`, and the process ended shortly after. A second signal ends the process at once.
    """
    asyncio.run(_run(make, settings, name))


async def _run(make: Callable[[], Program], settings: Settings, name: ProgramName) -> None:
    program = make()
    with serve_probes(settings, name, ready=program.not_ready_because) or nullcontext():
        await _run_until_signal(program)


async def _run_until_signal(program: Program) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(program.run(stop))

    def first_signal() -> None:
        log.info("stopping")
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        loop.call_later(GRACE_S, running.cancel)
        last_resort = Timer(GRACE_S + LAST_RESORT_S, os._exit, (1,))
        last_resort.daemon = True
        last_resort.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, first_signal)
    try:
        await running
    except asyncio.CancelledError:
        log.warning("stopped_without_waiting", grace_s=GRACE_S)
        raise SystemExit(1) from None
