"""Waits until programs say over HTTP that they are ready."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Mapping

from contracts.errors import Unavailable

POLL_S = 0.2


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    """Return whether `/readyz` on this port says yes; blocks for a second at most."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(ports: Mapping[str, int], timeout_s: float, meanwhile: Callable[[], None]) -> None:
    """Block until every named program is ready, calling `meanwhile` between looks; raises Unavailable after the time."""
    deadline = time.monotonic() + timeout_s
    waiting = dict(ports)
    while waiting:
        meanwhile()
        waiting = {name: port for name, port in waiting.items() if not is_ready(port)}
        if waiting and time.monotonic() > deadline:
            raise Unavailable(
                f"{', '.join(sorted(waiting))} not ready after {timeout_s:.0f} s: see the logs beside the report"
            )
        time.sleep(POLL_S if waiting else 0.0)
