"""The exported files as a table for people, 80 columns wide: each value above its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from experiments.export_summary import table_of

LEFT: Final = ("model", "precision")
SHORT: Final = {
    "precision": "",
    "µs a window, 1 a call": "µs, 1\na call",
    "µs a window, 32 a call": "µs, 32\na call",
    "largest difference": "largest\ndiff.",
    "AUC, error alone": "AUC of\nthe error",
    "% found in 4 h": "% found\nin 4 h",
    "false exclusions a week": "false\na week",
}
ONLY_IN_FILES: Final = "mean difference"


def export_table(document: Mapping[str, Any]) -> Table:
    """Return a row a file of a results.json."""
    rows = table_of(document, brief=True)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    shown = [name for name in rows[0] if name != ONLY_IN_FILES]
    for name in shown:
        table.add_column(SHORT.get(name, name), no_wrap=True, justify="left" if name in LEFT else "right")
    for row in rows:
        table.add_row(*(_stacked(row[name]) for name in shown))
    return table


def _stacked(cell: str) -> Text:
    value, _, interval = cell.rstrip(")").partition(" (")
    return Text.assemble(value, ("\n" + interval, "dim")) if interval else Text(value)
