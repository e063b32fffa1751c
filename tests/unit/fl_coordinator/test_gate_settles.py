"""After another Redis server was met the gate is not read before workers have shown again what that server may lack."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from contracts.errors import Unavailable
from fl_coordinator.errors import GateClosed
from fl_coordinator.gate.selection import RoundGate
from transport.redis import primary as primary_module
from transport.redis.primary import Primary

SETTLES_S = 0.3


class View:
    """Statuses that are asked for: when, and what happens meanwhile."""

    def __init__(self) -> None:
        self.read_at: list[float] = []
        self.meanwhile = lambda: None

    def statuses(self, device_ids):
        self.read_at.append(monotonic())
        self.meanwhile()
        return dict.fromkeys(device_ids)


class Keys:
    """A table whose keys nobody has."""

    class content:  # noqa: N801 - as the table's attribute
        @staticmethod
        def key_id(_: str) -> None:
            return None


@pytest.fixture
def primary(monkeypatch):
    monkeypatch.setattr(primary_module, "VIEW_SETTLES_S", SETTLES_S)
    return Primary()


def test_the_gate_waits_for_a_new_primary_to_settle(primary):
    view = View()
    gate = RoundGate(view, Keys(), lambda: 1000.0, 60.0, primary)
    primary.met("one")
    asyncio.run(gate.excluded(["a"], {}))
    met_at = primary.met("two")
    asyncio.run(gate.excluded(["a"], {}))
    first, second = view.read_at
    assert first < met_at
    assert second >= met_at + SETTLES_S


def test_what_was_read_while_another_server_was_met_does_not_count(primary):
    view = View()
    gate = RoundGate(view, Keys(), lambda: 1000.0, 60.0, primary)
    primary.met("one")

    def fails_over() -> None:
        view.meanwhile = lambda: None
        primary.met("two")

    view.meanwhile = fails_over
    assert asyncio.run(gate.excluded(["a"], {})) == {"a": "unknown"}
    assert len(view.read_at) == 2
    assert view.read_at[1] >= primary.changed_at + SETTLES_S


def test_a_redis_that_fails_closes_the_gate_at_once(primary):
    class Down(View):
        def statuses(self, device_ids):
            raise Unavailable("Redis does not show the devices")

    with pytest.raises(GateClosed):
        asyncio.run(RoundGate(Down(), Keys(), lambda: 1000.0, 60.0, primary).excluded(["a"], {}))
