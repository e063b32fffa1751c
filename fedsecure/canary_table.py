"""A canary's figures as a table for people."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from detectors.training.canary_verdict import CanaryResult


def canary_table(result: CanaryResult) -> Table:
    """Return one row a figure, for 80 columns: the value now and with the new bundle, the change with its interval, the amount."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("figure")
    for name in ("now", "new", "change", "95 % interval", "n"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("", no_wrap=True)
    for one in result.figures:
        verdict = Text("ok", style="green") if one.holds else Text("worse", style="red")
        interval = f"{one.low:+.3f} to {one.high:+.3f}"
        cells = (f"{one.current:.3f}", f"{one.candidate:.3f}", f"{one.change:+.3f}", interval, f"{one.n:g}")
        table.add_row(one.name, *cells, verdict)
    return table
