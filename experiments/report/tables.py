"""A table of a report as Markdown, and rows of numbers as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """Column titles and rows of cells. The first cell of a row says what it is about.

    `marks` colour each row's last cell: True good, False bad, None neither; without any, nothing is coloured.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[bool | None, ...] = ()
    caption: str = ""


def table_of(rows: Iterable[Mapping[str, str]], marks: Iterable[bool | None] = (), caption: str = "") -> Table:
    """Return rows of cells by column title as a table. All rows have the first one's columns."""
    cells = list(rows)
    return Table(tuple(cells[0]) if cells else (), tuple(tuple(row.values()) for row in cells), tuple(marks), caption)


def table_markdown(table: Table) -> str:
    """Return a table as Markdown, its caption as a line above."""
    lines = [table.head, ("---",) * len(table.head), *table.rows]
    text = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in lines)
    return f"{table.caption}\n\n{text}" if table.caption else text


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with the first row's names on top. None is empty."""
    return str(pd.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n"))
