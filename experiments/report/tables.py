"""A table of a report, as text, as Markdown and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

_CLASSES: Final = {True: "in", False: "out", None: "idle"}


@dataclass(frozen=True, slots=True)
class Table:
    """Column titles and rows of cells; the first cell of a row says what it is about.

    `marks` colour each row's last cell: True good, False bad, None neither; without any, nothing is coloured.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[bool | None, ...] = ()
    caption: str = ""


def table_markdown(table: Table) -> str:
    """Return a table as Markdown, its caption as a line above."""
    lines = [table.head, ("---",) * len(table.head), *table.rows]
    text = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in lines)
    return f"{table.caption}\n\n{text}" if table.caption else text


def table_html(table: Table) -> str:
    """Return a table as HTML."""
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in table.head)
    classes = [_CLASSES[mark] for mark in table.marks] or ["n" for _ in table.rows]
    lines = "".join(_row(cells, last) for cells, last in zip(table.rows, classes, strict=True))
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return f"<div class='wide'><table>{caption}<thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>"


def _row(cells: tuple[str, ...], last: str) -> str:
    first, *middle, end = cells
    numbers = "".join(f'<td class="n">{escape(cell)}</td>' for cell in middle)
    return f'<tr><th scope="row">{escape(first)}</th>{numbers}<td class="{last}">{escape(end)}</td></tr>'
