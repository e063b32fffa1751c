"""Global models as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from fedsecure.wall_time import utc_text
from fl_coordinator.models.lineage import ModelLine

SHORT: Final = 8
STYLES: Final = {"current": "green", "earlier": "", "never committed": "yellow"}


def model_table(lines: Sequence[ModelLine]) -> Table:
    """Return one row a model, in the order given; narrow enough for 80 columns, the rest is for `--json`."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("round", "model", "from", "made (UTC)", "devices", "loss", ""):
        table.add_column(name, no_wrap=True, justify="right" if name in {"round", "devices", "loss"} else "left")
    for line in lines:
        table.add_row(*_cells(line), Text(line.standing, style=STYLES[line.standing]))
    return table


def _cells(line: ModelLine) -> tuple[str, ...]:
    return (
        str(line.round),
        line.sha256[:SHORT],
        (line.parent_sha256 or "-")[:SHORT],
        "-" if line.made_at is None else utc_text(line.made_at),
        str(len(line.devices) or "-"),
        "-" if line.loss is None else f"{line.loss:.4f}",
    )
