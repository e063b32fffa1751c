"""Who may train and who may not, as a table for people."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from fedsecure.tables import plain_table
from fl_coordinator.gate.live import GateReading


def gate_table(reading: GateReading) -> Table:
    """Return one row a device in order of the ids."""
    table = plain_table(("device", "may train", "because"))
    for device_id in sorted((*reading.eligible, *reading.excluded)):
        why_not = reading.excluded.get(device_id)
        answer = Text("yes", style="green") if why_not is None else Text("no", style="red")
        table.add_row(device_id, answer, why_not or "")
    return table
