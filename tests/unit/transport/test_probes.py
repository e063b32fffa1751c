"""The probes answer what the checks say."""

from __future__ import annotations

import socket
import struct
import threading
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.healthcheck import check
from transport.probes import ProbeServer, serve_probes


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as attempt:
            attempt.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


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


class Held:
    """A collector that answers when it is let, so that whoever asked can be gone by then."""

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()

    def describe(self) -> list:
        return []

    def collect(self) -> list:
        self.asked.set()
        self.let.wait(5)
        return []


def test_who_asks_and_goes_leaves_no_traceback_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    registry, held = CollectorRegistry(), Held()
    registry.register(held)
    Counter("things_total", "Things." * 10_000, registry=registry)
    with ProbeServer("127.0.0.1", 0, registry=registry) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert held.asked.wait(5)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
        held.let.set()
        assert get(server.port, "/healthz")[0] == 200
    assert not capsys.readouterr().err


def test_probes_serve_the_metrics_of_their_own_program() -> None:
    with serve_probes(Settings(metrics_port=0), "coordinator", ready=lambda: None) as server:
        metrics = get(server.port, "/metrics")[1]
    assert "fedsecure_rounds_total" in metrics
    assert "fedsecure_worker_lag_messages" not in metrics
    assert serve_probes(Settings(metrics_port=None), "coordinator", ready=lambda: None) is None


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "asked"), [("::", "[::1]"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("localhost", "localhost")]
)
def test_probes_answer_on_ipv6_and_on_names(host: str, asked: str) -> None:
    settings = Settings(metrics_port=0, metrics_host=host)
    with capture_logs() as logs, serve_probes(settings, "replay", ready=lambda: None) as server:
        with urllib.request.urlopen(f"http://{asked}:{server.port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        assert check(server.port, host) is None
    shown = f"[{host}]" if ":" in host else host
    assert logs[0]["url"] == f"http://{shown}:{server.port}/"


@needs_ipv6
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_a_port_that_is_taken_is_named_with_its_setting(host: str) -> None:
    with ProbeServer(host, 0, registry=CollectorRegistry()) as other:
        settings = Settings(metrics_port=other.port, metrics_host=host)
        with pytest.raises(Misconfigured, match=f"port {other.port} on {host} is taken.*FEDSECURE_METRICS_PORT"):
            serve_probes(settings, "worker", ready=lambda: None)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "no address of this machine"),
        ("2001:db8::1", "no address of this machine"),
        ("no.such.invalid", "a name"),
        ("a" * 70, "a name"),
    ],
)
def test_an_address_that_is_not_of_this_machine_is_named_with_its_setting(host: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=f"FEDSECURE_METRICS_HOST: '{host}' is {said}"):
        serve_probes(Settings(metrics_port=0, metrics_host=host), "worker", ready=lambda: None)
