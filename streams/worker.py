"""Runs a worker without Faust's command line, with our own signals and probes and an end within seconds."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import structlog

from contracts.configuration.settings import Settings
from streams.bundles.engines import EngineFactory, live_factory
from streams.collecting import collect_seldom
from streams.core import WorkerCore
from streams.edge import EdgeWorker
from streams.errors import GRACE_S, ExitWatchdog
from streams.faust.app import WorkerApp, build_app
from transport.log_throttle import throttle_library_logs

log = structlog.get_logger()


async def run_worker(settings: Settings, engine_factory: EngineFactory | None = None) -> int:
    """Judge until told to stop (SIGTERM, SIGINT) or until it cannot go on, and return the exit code.

    With `settings.devices` it takes those alone, without a group. Raises Unavailable or Misconfigured at start.
    """
    throttle_library_logs()
    watchdog = ExitWatchdog()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    worker = _make(settings, engine_factory, watchdog)
    starting = asyncio.ensure_future(worker.start())
    stopping = asyncio.ensure_future(stop.wait())
    failing = asyncio.ensure_future(worker.core.failed.wait())
    await asyncio.wait({starting, stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and not starting.cancelled():
        starting.result()
        collect_seldom()
        await asyncio.wait({stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
    exit_code = 1 if worker.core.failure else 0
    watchdog.arm(exit_code)
    log.info("worker_stopping", reason=str(worker.core.failure or "signal"))
    starting.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(worker.stop(), GRACE_S - 1)
    log.info("worker_stopped", exit_code=exit_code)
    return exit_code


def _make(settings: Settings, engine_factory: EngineFactory | None, watchdog: ExitWatchdog) -> WorkerApp | EdgeWorker:
    if not settings.devices:
        return build_app(settings, engine_factory, watchdog)
    factory = engine_factory or live_factory(settings)
    return EdgeWorker(WorkerCore(settings, factory, watchdog))
