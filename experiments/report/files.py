"""Numbers for files: CSV tables, and values as short as they mean anything."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with the first row's names on top; None is empty."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


def short(value: float) -> float | None:
    """Return four significant digits; None for what cannot be measured or is infinite.

    >>> short(0.123456), short(math.nan)
    (0.1235, None)
    """
    return float(f"{value:.4g}") if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Return nested records, lists and numbers as JSON holds them, each number `short`."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return short(value) if isinstance(value, float) else value


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows of cells as a Markdown table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
