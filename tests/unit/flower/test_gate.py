"""The gate for a program without a loop: what it says of itself, and what it serves."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from contextlib import asynccontextmanager, closing

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.flower import Gate
from fedsecure.flower import gate as gate_module
from fedsecure.local_stack.ports import choose_ports
from fl_coordinator.gate.live import GateReading

OPEN = GateReading(1000.0, ("a",), {}, {"a": "1"})
CLOSED = GateReading(1000.0, closed_because="Redis does not show the devices: it does not answer")
SETTLES = GateReading(1000.0, closed_because="Redis is another server since a moment ago")


@pytest.fixture
def readings(monkeypatch):
    """What the gate will say, one after the other."""
    made: list[GateReading] = []

    class Live:
        async def read(self) -> GateReading:
            return made.pop(0)

    @asynccontextmanager
    async def live(_: Settings):
        yield Live()

    monkeypatch.setattr(gate_module, "live_gate", live)
    return made


def test_it_says_once_that_it_is_closed_and_once_that_it_is_open_again(readings, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flwr"), "propagate", True)
    caplog.set_level(logging.INFO)
    readings += [OPEN, CLOSED, CLOSED, SETTLES, OPEN, OPEN]
    with closing(Gate(Settings())) as gate:
        eligible = [gate.read().eligible for _ in range(6)]
    assert eligible == [("a",), (), (), (), ("a",), ("a",)]
    assert caplog.messages == [
        f"The gate is closed, nobody may train: {CLOSED.closed_because}",
        "The gate can be read again.",
    ]


def test_it_serves_its_metrics_where_the_settings_name_a_port(readings):
    readings += [OPEN, CLOSED]
    port = choose_ports(["metrics"], {})["metrics"]
    gate = Gate(Settings(metrics_port=port))
    gate.read()
    address = f"http://127.0.0.1:{port}"
    assert b"fedsecure_dropped_replies_total" in urllib.request.urlopen(f"{address}/metrics", timeout=10).read()
    gate.read()
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"{address}/readyz", timeout=10)
    gate.close()
    gate.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/metrics", timeout=10)


def test_a_wrong_setting_of_the_environment_is_said(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "http://nowhere")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    with pytest.raises(Misconfigured, match="REDIS_URL"):
        Gate.from_env()
