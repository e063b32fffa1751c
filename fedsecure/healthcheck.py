"""The container's health check (`python -m fedsecure.healthcheck`): exits 0 when this program's own /healthz answers well."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 4.0
DEFAULT_PORT = "9100"
LOOPBACK_OF = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound


def check(port: int, host: str = "", path: str = "/healthz", timeout_s: float = TIMEOUT_S) -> str | None:
    """Return why the program that serves its probes on this port is not well, or None. Blocks for `timeout_s` at most.

    `host` is the address that it listens on. One that stands for all is asked on the loopback.
    """
    connection = HTTPConnection(LOOPBACK_OF.get(host, host), port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(1000).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"no answer from {path} on port {port}: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status == 200 else body


if __name__ == "__main__":
    where = os.environ.get("FEDSECURE_METRICS_HOST") or ""
    sys.exit(check(int(os.environ.get("FEDSECURE_METRICS_PORT") or DEFAULT_PORT), where))
