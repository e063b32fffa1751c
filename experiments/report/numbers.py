"""Numbers for files: as short as they mean anything, and as JSON that people can read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec


def short(value: float) -> float | None:
    """Return four significant digits; None for what cannot be measured or is infinite.

    >>> short(0.123456), short(math.nan)
    (0.1235, None)
    """
    return float(f"{value:.4g}") if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Return nested records, lists and numbers as JSON holds them, each number `short`."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return short(value) if isinstance(value, float) else value


def json_bytes(document: Any) -> bytes:
    """Return a document as readable JSON."""
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"
