"""What commands print: one file a subject, each for 80 columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rich.table import Table


def plain_table(columns: Sequence[str], right: Collection[str] = (), **options: Any) -> Table:
    """Return a table without lines under dim headings. The columns named in `right` hold numbers. `options`: every column's."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", **{"no_wrap": True, **options})
    return table
