"""Read vital signs from CSV: a row a minute and device, many devices a file, empty means missing."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from replay.sources.reading import Reading
from replay.sources.text_files import opened_text
from replay.sources.vital_rows import (
    COLUMNS_SAID,
    DEVICE_COLUMN,
    PULSE_COLUMN,
    REQUIRED,
    TIME_COLUMN,
    DeviceRows,
    Place,
)


def read_csv_vitals(path: Path) -> Reading:
    """Return one recording a device, in the order of their first rows.

    Columns: device_id, observed_at (ISO 8601 with a time zone; seconds are cut off), heart_rate_bpm, resp_rate_bpm and
    optionally pulse_bpm; others are ignored. Empty or 0 is missing; minutes without a row become missing ones. The rows of
    one device rise in time. Raises Misconfigured naming file, line and column.
    """
    devices = DeviceRows(path, "CSV")
    with opened_text(path) as file:
        reader = csv.reader(file, skipinitialspace=True)
        columns = _columns(path, next(reader, []))
        for row in filter(None, reader):
            cells = _Cells(Place(path, reader.line_num), row, columns)
            devices.add(cells.place, cells.device_id(), cells.event_minute(), tuple(cells.values()))
    return devices.reading()


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    lacking = [name for name in REQUIRED if name not in names]
    if lacking:
        raise Misconfigured(f"{path}, line 1: no column {', '.join(lacking)}; the columns are {COLUMNS_SAID}")
    return {name: names.index(name) for name in (*REQUIRED, PULSE_COLUMN) if name in names}


@dataclass(frozen=True, slots=True)
class _Cells:
    """One row and where it stands."""

    place: Place
    row: Sequence[str]
    columns: Mapping[str, int]

    def text(self, column: str) -> str:
        at = self.columns[column]
        if at >= len(self.row):
            raise Misconfigured(f"{self.place}: the row ends before the column {column}")
        return self.row[at].strip()

    def device_id(self) -> str:
        return self.place.device_id(self.text(DEVICE_COLUMN))

    def event_minute(self) -> int:
        text = self.text(TIME_COLUMN)
        try:
            observed_at = datetime.fromisoformat(text)
        except ValueError:
            raise Misconfigured(
                f"{self.place}, column {TIME_COLUMN}: {text!r} is not a time; write it as 2183-04-28T17:47:00Z"
            ) from None
        if observed_at.tzinfo is None:
            raise Misconfigured(
                f"{self.place}, column {TIME_COLUMN}: {text!r} has no time zone; UTC is written {text}Z"
            )
        return to_event_minute(observed_at)

    def values(self) -> Iterator[float]:
        """The channels of the row, NaN = missing."""
        for column in self.columns:
            if column not in (DEVICE_COLUMN, TIME_COLUMN):
                yield self._value(column)

    def _value(self, column: str) -> float:
        text = self.text(column)
        if not text:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        return self.place.rate(column, value, text)
