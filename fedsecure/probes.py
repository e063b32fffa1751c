"""Serves a program's probes where the settings ask for them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import structlog

from contracts.settings import Settings
from transport.probes import Check, ProbeServer

log = structlog.get_logger()


def probes_of(settings: Settings, ready: Check) -> AbstractContextManager[object]:
    """Serve /metrics, /healthz and /readyz while the context is open; nothing where no metrics port is set."""
    if settings.metrics_port is None:
        return nullcontext()
    server = ProbeServer(settings.metrics_host, settings.metrics_port, ready=ready)
    log.info("probes_served", host=settings.metrics_host, port=server.port)
    return server
