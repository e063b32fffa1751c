"""Read the columns of a plain block at once, with Arrow: the same values as cell by cell, or nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.event_time import LAST_OBSERVED_MINUTE
from replay.sources.tables.blocks import Block
from replay.sources.tables.text_table import TextTable

LEAST_BYTES: Final = 1 << 18  # of less, cell by cell is done before Arrow is imported
MICROSECONDS_A_MINUTE: Final = 60_000_000
MISSING: Final = (
    "", "NaN", "nan", "NA", "na", "N/A", "n/a", "<NA>", "NaT", "NULL", "null", "None", "none", r"\N", ".", "-", "--",
)  # fmt: skip
"""Usual spellings among those of `cells.MISSING`."""


@dataclass(frozen=True, slots=True, eq=False)
class PlainColumns:
    """A block's rows: row k stands on the k-th line of it.

    `names` are the cells of the column of devices in the order of their first rows, `device` int64[n] says whose each row
    is; None without such a column. `event_minute` int64[n], `rates` float64[n, channels] per minute, NaN = missing.
    """

    names: list[str] | None
    device: NDArray[np.int64]
    event_minute: NDArray[np.int64]
    rates: NDArray[np.float64]


def plain_columns(
    table: TextTable, block: Block, device: str | None, time: str, rates: Sequence[str]
) -> PlainColumns | None:
    """Return a block's columns (of `device` None: there is none), or None where only cell by cell says what they hold.

    That is so for all that is wrong or unusual: then nothing is said of it here.
    """
    if block.data is None or len(block.data) < LEAST_BYTES or find_spec("pyarrow") is None:
        return None  # the container image `core` is without Arrow
    for point in (".", ",") if table.decimal_comma else (".",):
        columns = _converted(table, block.data, [name for name in (device, time, *rates) if name], device, time, point)
        if columns is not None:
            return _checked(block.data, columns, device is not None)
    return None


def _converted(
    table: TextTable, data: bytes, wanted: Sequence[str], device: str | None, time: str, point: str
) -> list[Any] | None:
    """Return Arrow's arrays of the wanted columns, or None where it refuses the block."""
    # When first needed: it takes a while. Arrow would import pandas by itself, and lose a Ctrl-C that comes meanwhile.
    _, arrow, csv = map(import_module, ("pandas", "pyarrow", "pyarrow.csv"))
    arrow.enable_signal_handlers(False)
    places = {name: str(table.columns[name]) for name in wanted}
    types = {place: arrow.float64() for place in places.values()}
    types[places[time]] = arrow.timestamp("us", "UTC")
    if device is not None:
        types[places[device]] = arrow.dictionary(arrow.int32(), arrow.string())
    try:
        read = csv.read_csv(
            io.BytesIO(data),
            csv.ReadOptions(column_names=[str(place) for place in range(len(table.names))], block_size=len(data) + 1),
            csv.ParseOptions(delimiter=table.separator, quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=types, include_columns=list(places.values()), null_values=MISSING, decimal_point=point
            ),
        )
    except arrow.lib.ArrowCancelled:
        raise KeyboardInterrupt from None
    except (arrow.ArrowException, ValueError):
        return None
    return [read.column(place).combine_chunks() for place in places.values()]


def _checked(data: bytes, columns: list[Any], has_device: bool) -> PlainColumns | None:
    """Return the arrays as ours, or None where a cell is missing that must not be, or out of range."""
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    names: list[str] | None = None
    device = np.zeros(lines, np.int64)
    if any(len(column) != lines for column in columns):
        return None
    if has_device:
        cells, *columns = columns
        if cells.null_count:
            return None
        names, device = cells.dictionary.to_pylist(), cells.indices.to_numpy().astype(np.int64)
    at, *rates = columns
    if at.null_count:
        return None
    event_minute = at.cast("int64").to_numpy() // MICROSECONDS_A_MINUTE
    values = np.stack([rate.to_numpy(zero_copy_only=False) for rate in rates], axis=1)
    if event_minute.min() < 0 or event_minute.max() > LAST_OBSERVED_MINUTE or np.isinf(values).any():
        return None
    return PlainColumns(names, device, event_minute, np.where(values > 0, values, np.nan))
