"""The exported files as a table for people, 80 columns wide: each latency above its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.table import Table

from experiments.export.files import table_of

SHORT: Final = {
    "µs a window, 1 a call": "µs, 1\na call",
    "µs a window, 32 a call": "µs, 32\na call",
    "score, largest difference": "score,\nlargest",
    "score, mean difference": "score,\nmean",
    "log mean square, largest": "log square,\nlargest",
    "log mean square, mean": "log square,\nmean",
    "the same in its own sd": "in its\nown sd",
}


def export_table(document: Mapping[str, Any]) -> Table:
    """Return a row a file of a results.json."""
    rows = table_of(document)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in rows[0]:
        table.add_column(SHORT.get(name, name), no_wrap=True, justify="left" if name == "file" else "right")
    for row in rows:
        table.add_row(*(cell.replace(" (", "\n(") for cell in row.values()))
    return table
