"""How a worker ends: the fatal error, and the forced exit when an orderly end takes too long."""

from __future__ import annotations

import os
import threading

import structlog

from contracts.errors import FedSecureError


class Fatal(FedSecureError):
    """The worker cannot go on and must end, so that its supervisor starts it afresh and others take its devices."""


log = structlog.get_logger()

GRACE_S = 8.0


class ExitWatchdog:
    """Armed once when the end begins. It is a thread, because the event loop may be what hangs."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._timer: threading.Timer | None = None

    def arm(self, exit_code: int) -> None:
        """Leave the process with this code when it still runs after the grace. A later call changes nothing."""
        if self._timer is None:
            self._timer = threading.Timer(self._grace_s, self._leave, [exit_code])
            self._timer.daemon = True
            self._timer.start()

    def _leave(self, exit_code: int) -> None:
        log.warning("forced_exit", after_s=self._grace_s, exit_code=exit_code)
        os._exit(exit_code)
