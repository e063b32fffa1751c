"""The exported files as a table for people, 80 columns wide: each value above its interval."""

from __future__ import annotations

from typing import Final

from rich.table import Table
from rich.text import Text

from experiments.export_files import table_of
from experiments.export_results import ExportResults

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


def export_table(results: ExportResults) -> Table:
    """Return a row a file."""
    rows = table_of(results, brief=True)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    shown = [name for name in rows[0] if name != ONLY_IN_FILES]
    for name in shown:
        table.add_column(SHORT.get(name, name), no_wrap=True, justify="left" if name in LEFT else "right")
    for row in rows:
        table.add_row(*(_stacked(row[name]) for name in shown))
    return table


def loss_sentence(results: ExportResults) -> str:
    """Return what int8 loses in detection, with its interval, and on what it was measured."""
    loss, detection = results.loss, next(row.detection for row in results.rows if row.detection)
    found, clean = loss.found, detection.clean
    return (
        f"Int8 in place of float32 (32 units): {100 * found.value:+.1f} points of strong attacks found in 4 h "
        f"({100 * found.low:+.1f} to {100 * found.high:+.1f}; {found.n:.0f} attacks on {sum(results.plan.attacked)} devices), "
        f"{loss.clean_decisions_changed} of {loss.clean_decisions} decisions on {clean.devices} clean devices judged otherwise. "
        f"{results.machine}."
    )


def _stacked(cell: str) -> Text:
    value, _, interval = cell.rstrip(")").partition(" (")
    return Text.assemble(value, ("\n" + interval, "dim")) if interval else Text(value)
