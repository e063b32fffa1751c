"""The probes answer what the checks say."""

from __future__ import annotations

import urllib.error
import urllib.request

from prometheus_client import CollectorRegistry, Counter

from contracts.settings import Settings
from transport.probes import ProbeServer, serve_probes


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_probes_say_what_the_checks_say() -> None:
    registry = CollectorRegistry()
    Counter("things_total", "Things.", registry=registry).inc()
    reasons: list[str | None] = [None]
    with ProbeServer("127.0.0.1", 0, ready=lambda: reasons[-1], registry=registry) as server:
        assert get(server.port, "/healthz")[0] == 200
        assert get(server.port, "/readyz")[0] == 200
        reasons.append("no partitions yet")
        status, body = get(server.port, "/readyz")
        assert status == 503
        assert "no partitions yet" in body
        assert "things_total 1.0" in get(server.port, "/metrics")[1]
        assert get(server.port, "/elsewhere")[0] == 404


def test_probes_serve_the_metrics_of_their_own_program() -> None:
    with serve_probes(Settings(metrics_port=0), "coordinator", ready=lambda: None) as server:
        metrics = get(server.port, "/metrics")[1]
    assert "fedsecure_rounds_total" in metrics
    assert "fedsecure_worker_lag_messages" not in metrics
    assert serve_probes(Settings(metrics_port=None), "coordinator", ready=lambda: None) is None
