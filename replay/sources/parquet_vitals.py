"""Read vital signs from Parquet: the columns of the CSV, times with their zone, null means missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from contracts.errors import Misconfigured
from replay.sources.source import Reading, Source
from replay.sources.tables.blocks import BytesRead, unheard
from replay.sources.tables.device_rows import (
    COLUMNS_SAID,
    DEVICE_COLUMN,
    PULSE_COLUMN,
    REQUIRED,
    TIME_COLUMN,
    DeviceRows,
    checked_rate,
    partition_value,
)
from replay.sources.tables.row_store import RowStore
from replay.sources.tables.times import checked_seconds


def read_parquet_vitals(path: Path) -> Reading:
    """Return one recording a device, in the order of their first rows. Reads a batch of rows at a time.

    Columns as in the CSV: device_id (text), observed_at (a timestamp with a time zone; seconds are cut off),
    heart_rate_bpm, resp_rate_bpm and optionally pulse_bpm (numbers); others are ignored. Null, NaN, 0 and below are missing.
    Raises Misconfigured naming file, row and column.
    """
    return parquet_rows(path, RowStore()).reading()


def parquet_rows(path: Path, store: RowStore, read: BytesRead = unheard) -> DeviceRows:
    """Return the table's rows, held by the store. Raises as `read_parquet_vitals`, and what `RowStore.add` raises."""
    arrow = import_module("pyarrow")  # when first needed: it takes a while
    devices = DeviceRows(path, "Parquet", "row", store)
    try:
        with import_module("pyarrow.parquet").ParquetFile(path) as file:
            names, columns = _columns(path, file.schema_arrow, arrow)
            numbers, share = count(1), path.stat().st_size / max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(columns=columns):
                for cells, number in zip(_rows(batch.select(columns), names, path, arrow), numbers, strict=False):
                    _add(devices, number, names, cells)
                read(int(share * batch.num_rows))
    except (OSError, ValueError, LookupError, MemoryError, arrow.ArrowException) as error:
        raise Misconfigured(f"{path} cannot be read as Parquet: {_first_line(error)}") from None
    return devices


def _columns(path: Path, schema: Any, arrow: Any) -> tuple[list[str], list[str]]:
    """Return our names of the columns that are there, and the file's, which may be written in another case."""
    written = {name.strip().lower(): name for name in reversed(schema.names)}
    lacking = [name for name in REQUIRED if name not in written]
    if lacking and not (lacking == [DEVICE_COLUMN] and partition_value(path, DEVICE_COLUMN)):
        raise Misconfigured(f"{path}: no column {', '.join(lacking)}; the columns are {COLUMNS_SAID}")
    names = [name for name in (*REQUIRED, PULSE_COLUMN) if name in written]
    for name in names:
        _check_type(path, name, schema.field(written[name]).type, arrow.types)
    return names, [written[name] for name in names]


def _check_type(path: Path, name: str, kind: Any, types: Any) -> None:
    if name == TIME_COLUMN:
        if not types.is_timestamp(kind) or kind.tz is None:
            raise Misconfigured(
                f"{path}: the column {TIME_COLUMN} is {kind}; write it as a timestamp with a time zone (UTC)"
            )
    elif name != DEVICE_COLUMN and not (
        types.is_floating(kind) or types.is_integer(kind) or types.is_null(kind) or types.is_decimal(kind)
    ):
        raise Misconfigured(f"{path}: the column {name} is {kind}; a rate per minute is a number")


def _rows(batch: Any, names: list[str], path: Path, arrow: Any) -> Iterator[tuple[Any, ...]]:
    """Yield each row as device id, seconds since 1970 and its rates."""
    columns = dict(zip(names, batch.columns, strict=True))
    time = columns.pop(TIME_COLUMN)
    device = columns.pop(DEVICE_COLUMN, None)
    yield from zip(
        device.cast(arrow.string()).to_pylist()
        if device is not None
        else [partition_value(path, DEVICE_COLUMN)] * len(time),
        time.cast(arrow.timestamp("s", "UTC"), safe=False).cast(arrow.int64()).to_pylist(),
        *(rate.cast(arrow.float64()).to_pylist() for rate in columns.values()),
        strict=True,
    )


def _add(devices: DeviceRows, number: int, names: list[str], cells: tuple[Any, ...]) -> None:
    device_id, seconds, *rates = cells
    if device_id is None or seconds is None:
        column = DEVICE_COLUMN if device_id is None else TIME_COLUMN
        raise Misconfigured(f"{devices.place(number, column)}: it is null")
    minute = int(checked_seconds(devices.place(number, TIME_COLUMN), seconds, f"{seconds} s since 1970") // 60)
    named = zip((name for name in names if name not in (DEVICE_COLUMN, TIME_COLUMN)), rates, strict=True)
    values = tuple(
        math.nan if rate is None else checked_rate(devices.place(number, name), rate) for name, rate in named
    )
    devices.add(number, device_id, minute, values)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


SOURCE = Source(
    "vital signs a row a minute (Parquet)", COLUMNS_SAID, read_parquet_vitals, suffixes=(".parquet",), rows=parquet_rows
)
