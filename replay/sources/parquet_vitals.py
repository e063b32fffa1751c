"""Read vital signs from Parquet: the columns of the CSV, times with their zone, null means missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from contracts.errors import Misconfigured
from replay.sources.reading import Reading
from replay.sources.source import Source
from replay.sources.vital_rows import (
    COLUMNS_SAID,
    DEVICE_COLUMN,
    PULSE_COLUMN,
    REQUIRED,
    TIME_COLUMN,
    DeviceRows,
    Place,
)

DECIMALS = 4


def read_parquet_vitals(path: Path) -> Reading:
    """Return one recording a device, in the order of their first rows; reads a batch of rows at a time.

    Columns as in the CSV: device_id (text), observed_at (a timestamp with a time zone; seconds are cut off),
    heart_rate_bpm, resp_rate_bpm and optionally pulse_bpm (numbers); others are ignored. Null, NaN or 0 is missing. The
    rows of one device rise in time. Raises Misconfigured naming file, row and column.
    """
    arrow = import_module("pyarrow")  # when first needed: it takes a while
    devices = DeviceRows(path, "Parquet")
    try:
        with import_module("pyarrow.parquet").ParquetFile(path) as file:
            columns = _columns(path, file.schema_arrow, arrow)
            batches = file.iter_batches(columns=columns)
            rows = chain.from_iterable(_rows(batch.select(columns), arrow) for batch in batches)
            for number, cells in enumerate(rows, 1):
                _add(devices, Place(path, number, "row"), columns, cells)
    except (OSError, arrow.ArrowException) as error:
        raise Misconfigured(f"{path} cannot be read as Parquet: {error}") from None
    return devices.reading()


def _columns(path: Path, schema: Any, arrow: Any) -> list[str]:
    lacking = [name for name in REQUIRED if name not in schema.names]
    if lacking:
        raise Misconfigured(f"{path}: no column {', '.join(lacking)}; the columns are {COLUMNS_SAID}")
    time = schema.field(TIME_COLUMN).type
    if not arrow.types.is_timestamp(time) or time.tz is None:
        raise Misconfigured(
            f"{path}: the column {TIME_COLUMN} is {time}; write it as a timestamp with a time zone (UTC)"
        )
    columns = [name for name in (*REQUIRED, PULSE_COLUMN) if name in schema.names]
    for name in columns[2:]:
        kind = schema.field(name).type
        if not (arrow.types.is_floating(kind) or arrow.types.is_integer(kind) or arrow.types.is_null(kind)):
            raise Misconfigured(f"{path}: the column {name} is {kind}; a rate per minute is a number")
    return columns


def _rows(batch: Any, arrow: Any) -> Iterator[tuple[Any, ...]]:
    """Yield each row as device id, seconds since 1970 and its rates, free of the noise of float32."""
    compute = import_module("pyarrow.compute")
    device_id, time, *rates = batch.columns
    seconds = time.cast(arrow.timestamp("s", "UTC"), safe=False).cast(arrow.int64())
    yield from zip(
        device_id.cast(arrow.string()).to_pylist(),
        seconds.to_pylist(),
        *(compute.round(rate.cast(arrow.float64()), DECIMALS).to_pylist() for rate in rates),
        strict=True,
    )


def _add(devices: DeviceRows, place: Place, columns: list[str], cells: tuple[Any, ...]) -> None:
    device_id, seconds, *rates = cells
    if device_id is None or seconds is None:
        raise Misconfigured(f"{place}: {DEVICE_COLUMN if device_id is None else TIME_COLUMN} is null")
    values = tuple(
        place.rate(column, value, value) if value is not None and not math.isnan(value) else math.nan
        for column, value in zip(columns[2:], rates, strict=True)
    )
    devices.add(place, place.device_id(device_id), seconds // 60, values)


SOURCE = Source((".parquet",), "vital signs a row a minute", read_parquet_vitals)
