"""`/v1/benign` says who may train, and nobody while nobody can be checked."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from set_gate import SetGate

from console.web.benign import BENIGN, Benign
from fl_coordinator.gate.live import GateReading

OPEN = GateReading(1000.0, ("a", "b"), {"c": "quarantined"}, {"a": "1", "b": "2"})
CLOSED = GateReading(1000.0, closed_because="Redis does not show the devices: it does not answer")


@pytest.mark.parametrize(
    ("reading", "status", "told"),
    [
        (OPEN, 200, {"at": 1000.0, "eligible": ["a", "b"], "excluded": {"c": "quarantined"}}),
        (CLOSED, 503, {"at": 1000.0, "eligible": [], "excluded": {}, "closed_because": CLOSED.closed_because}),
    ],
    ids=["open", "closed"],
)
async def test_the_answer_is_the_reading(reading, status, told):
    app = web.Application()
    app.router.add_get(BENIGN, Benign(SetGate(reading)).answer)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(BENIGN)
        assert (answer.status, await answer.json()) == (status, told)
        assert (await client.post(BENIGN)).status == 405
