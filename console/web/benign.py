"""`/v1/benign`: which devices may train now, for frameworks of others."""

from __future__ import annotations

from typing import Final, Protocol

from aiohttp import web

from fl_coordinator.gate.live import GateReading

BENIGN: Final = "/v1/benign"


class ReadsGate(Protocol):
    """As much of the live gate as the console needs."""

    async def read(self) -> GateReading:
        """Return who may train now."""


class Benign:
    """Answers by the gate's one rule. 503 while nobody can be checked, then with nobody in the list."""

    def __init__(self, gate: ReadsGate) -> None:
        self._gate = gate

    async def answer(self, _request: web.Request) -> web.StreamResponse:
        """Read the gate and answer with the reading as JSON."""
        reading = await self._gate.read()
        return web.json_response(reading.as_dict(), status=200 if reading.closed_because is None else 503)
