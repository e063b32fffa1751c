"""Read vital signs from CSV: a row a minute and device, many devices a file, empty means missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from replay.sources.source import Reading, Source
from replay.sources.tables.blocks import BytesRead, blocks_of, unheard
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
from replay.sources.tables.plain_columns import plain_columns
from replay.sources.tables.row_store import RowStore
from replay.sources.tables.text_table import Row, TextTable, opened_table
from replay.sources.tables.times import parsed_time


def read_csv_vitals(path: Path) -> Reading:
    """Return one recording a device, in the order of their first rows.

    Columns: device_id, observed_at (ISO 8601 with a time zone; seconds are cut off), heart_rate_bpm, resp_rate_bpm and
    optionally pulse_bpm; others are ignored. Empty, NaN (see `cells.MISSING`), 0 and below are missing; minutes without a row
    become missing ones. Raises Misconfigured naming file, line and column.
    """
    return csv_rows(path, RowStore()).reading()


def csv_rows(path: Path, store: RowStore, read: BytesRead = unheard) -> DeviceRows:
    """Return the table's rows, held by the store. Raises as `read_csv_vitals`, and what `RowStore.add` raises."""
    devices = DeviceRows(path, "CSV", store=store)
    with opened_table(path) as table:
        device = None if DEVICE_COLUMN in table.columns else partition_value(path, DEVICE_COLUMN)
        table.require(REQUIRED if device is None else REQUIRED[1:], f"the columns are {COLUMNS_SAID}")
        rates = [name for name in (*REQUIRED[2:], PULSE_COLUMN) if name in table.columns]
        table.check_once(rates)
        for block in blocks_of(table, read):
            columns = plain_columns(table, block, None if device else DEVICE_COLUMN, TIME_COLUMN, rates)
            if columns is None:
                _add_rows(devices, table, block.rows(), rates, device)
            else:
                names = columns.names or [device or ""]
                devices.add_lines(block.lines_before, names, columns.device, columns.event_minute, columns.rates)
    return devices


def _add_rows(
    devices: DeviceRows, table: TextTable, rows: Iterable[Row], rates: Sequence[str], device: str | None
) -> None:
    for row in rows:
        values = tuple(_rate(table, row, column) for column in rates)
        at_s = parsed_time(table.place(row.line, TIME_COLUMN), table.text(row, TIME_COLUMN))
        devices.add(row.line, device or table.text(row, DEVICE_COLUMN), int(at_s // 60), values)


def _rate(table: TextTable, row: Row, column: str) -> float:
    rate = table.parsed(row, column, table.number, "not a rate per minute; empty means missing", shown=False)
    return checked_rate(column, rate)


SOURCE = Source(
    "vital signs a row a minute (CSV)",
    COLUMNS_SAID,
    read_csv_vitals,
    header=lambda names: not names.isdisjoint(REQUIRED),
    rows=csv_rows,
)
