"""A gate of the console that says what it is set to."""

from __future__ import annotations

from fl_coordinator.gate.live import GateReading


class SetGate:
    """Answers each time with `reading`."""

    def __init__(self, reading: GateReading | None = None) -> None:
        self.reading = reading or GateReading(1000.0, closed_because="nobody has set it")

    async def read(self) -> GateReading:
        return self.reading
