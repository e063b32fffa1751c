"""`/metrics`, `/healthz` and `/readyz` of a long-running program, served from a daemon thread."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import Any, Self

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from contracts.configuration.parts import AllParts
from contracts.metrics import ProgramName, registry_of
from transport.certificates.expiry import measure_certificates
from transport.listening import cannot_listen, resolved, url_of

log = structlog.get_logger()

Check = Callable[[], str | None]
"""Returns why the program is not well, or None when it is; must not block."""


def always_well() -> str | None:
    """The check of a program that is well as long as it answers."""
    return None


class ProbeServer:
    """Serves the probes until closed. `port` 0 takes a free one (read it from `port` afterwards)."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        healthy: Check = always_well,
        ready: Check = always_well,
        registry: CollectorRegistry,
    ) -> None:
        checks = {"/healthz": healthy, "/readyz": ready}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path in checks:
                    why_not = checks[self.path]()
                    body = json.dumps({"ok": why_not is None, "reason": why_not}).encode()
                    self._answer(503 if why_not else 200, "application/json", body)
                else:
                    self._answer(404, "text/plain", b"try /metrics, /healthz or /readyz\n")

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Probes come every few seconds: not a log line each."""

        self._server = _Server(host, port, Handler)
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, name="probes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port. Blocks for at most half a second."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(0.5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family, address = resolved(host, port)
        super().__init__((address, port), handler)

    def server_bind(self) -> None:
        """Bind as any TCP server: the base class would ask the name servers for this machine's name, and wait."""
        if self.address_family == socket.AF_INET6 and self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # all addresses, the IPv4 ones too
        TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's names
        """Let whoever asked go before the answer: the base class would print a traceback between the log's lines."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log.warning("probe_failed", error=type(error).__name__)


def serve_probes(
    settings: AllParts, program: ProgramName, *, ready: Check, healthy: Check = always_well
) -> ProbeServer | None:
    """Serve a program's probes and its own metrics where its settings ask for them (None: no metrics port is set).

    Raises Misconfigured when they cannot be listened on.
    """
    if settings.metrics_port is None:
        return None
    measure_certificates(settings, program)
    host, port = settings.metrics_host, settings.metrics_port
    try:
        server = ProbeServer(host, port, healthy=healthy, ready=ready, registry=registry_of(program))
    except (OSError, ValueError) as error:
        raise cannot_listen(host, port, "FEDSECURE_METRICS", error) from None
    log.info("probes_listen", host=host, port=server.port, url=url_of(host, server.port))
    return server
