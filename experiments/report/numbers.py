"""Numbers for files: as short as they mean anything, and as JSON that people can read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec


def short(value: float) -> float | None:
    """Return four significant digits. None for what cannot be measured or is infinite.

    >>> short(0.123456), short(math.nan)
    (0.1235, None)
    """
    return float(f"{value:.4g}") if math.isfinite(value) else None


def with_interval(
    value: float | None, low: float | None, high: float | None, spec: str, scale: float = 1.0, unit: str = ""
) -> str:
    """Return `scale` times a value with its unit, and its interval in brackets where it has one; "-" for no value.

    >>> with_interval(0.5, 0.25, 0.75, ".0f", 100, " %"), with_interval(2.0, None, None, ".1f")
    ('50 % (25 to 75)', '2.0')
    """
    if value is None:
        return "-"
    text = f"{scale * value:{spec}}{unit}"
    return text if low is None or high is None else f"{text} ({scale * low:{spec}} to {scale * high:{spec}})"


def percent(share: float) -> str:
    """Return a share 0..1 as whole or tenth per cent: enough digits to tell 99.9 from 100."""
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def plain(value: Any) -> Any:
    """Return nested records, lists and numbers as JSON holds them, each number `short`."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return short(value) if isinstance(value, float) else value


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested records as one, names joined. A pair is its ends.

    >>> flat({"a": {"value": 1}, "interval": [2, 3]})
    {'a_value': 1, 'low': 2, 'high': 3}
    """
    joined: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            joined |= flat(value, f"{prefix}{name}_")
        elif name == "interval":
            joined |= {f"{prefix}low": value[0], f"{prefix}high": value[1]}
        else:
            joined[f"{prefix}{name}"] = value
    return joined


def json_bytes(document: Any) -> bytes:
    """Return a document as readable JSON."""
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"
