"""Read vital signs from CSV: a row a minute and device, many devices a file, empty means missing."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute, to_event_minute
from contracts.identifiers import check_device_id
from replay.recording import Recording
from replay.sources.grid import detect_resolution_bpm

TIME_COLUMN, DEVICE_COLUMN, PULSE_COLUMN = "observed_at", "device_id", "pulse_bpm"
REQUIRED = (DEVICE_COLUMN, TIME_COLUMN, "heart_rate_bpm", "resp_rate_bpm")
LONGEST_GAP_MIN = 31 * 1440


@dataclass(slots=True)
class _Rows:
    """The rows of one device so far; `line` is where the last one stands."""

    event_minutes: list[int] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    line: int = 0


def read_csv_vitals(path: Path) -> list[Recording]:
    """Return one recording a device, in the order of their first rows.

    Columns: device_id, observed_at (ISO 8601 with a time zone; seconds are cut off), heart_rate_bpm, resp_rate_bpm and
    optionally pulse_bpm; others are ignored. Empty or 0 is missing; minutes without a row become missing ones. The rows of
    one device rise in time. Raises Misconfigured naming file, line and column.
    """
    devices: dict[str, _Rows] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            columns = _columns(path, next(reader, []))
            for row in filter(None, reader):
                _add(devices, _Cells(f"{path}, line {reader.line_num}", row, columns), reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path} cannot be read as CSV: {error}") from None
    if not devices:
        raise Misconfigured(f"{path} has no rows below its header")
    return [_recording(path, device_id, rows) for device_id, rows in devices.items()]


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    lacking = [name for name in REQUIRED if name not in names]
    if lacking:
        raise Misconfigured(
            f"{path}, line 1: no column {', '.join(lacking)}; the columns are {','.join(REQUIRED)}[,{PULSE_COLUMN}]"
        )
    return {name: names.index(name) for name in (*REQUIRED, PULSE_COLUMN) if name in names}


@dataclass(frozen=True, slots=True)
class _Cells:
    """One row and where it stands, so that every complaint can say so."""

    where: str
    row: Sequence[str]
    columns: Mapping[str, int]

    def text(self, column: str) -> str:
        at = self.columns[column]
        if at >= len(self.row):
            raise Misconfigured(f"{self.where}: the row ends before the column {column}")
        return self.row[at].strip()

    def device_id(self) -> str:
        try:
            return check_device_id(self.text(DEVICE_COLUMN))
        except Misconfigured as error:
            raise Misconfigured(f"{self.where}, column {DEVICE_COLUMN}: {error}") from None

    def event_minute(self) -> int:
        text = self.text(TIME_COLUMN)
        try:
            observed_at = datetime.fromisoformat(text)
        except ValueError:
            raise Misconfigured(
                f"{self.where}, column {TIME_COLUMN}: {text!r} is not a time; write it as 2183-04-28T17:47:00Z"
            ) from None
        if observed_at.tzinfo is None:
            raise Misconfigured(
                f"{self.where}, column {TIME_COLUMN}: {text!r} has no time zone; UTC is written {text}Z"
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
        if not 0 <= value < math.inf:
            raise Misconfigured(
                f"{self.where}, column {column}: {text!r} is not a rate per minute; empty means missing"
            )
        return value or math.nan


def _add(devices: dict[str, _Rows], cells: _Cells, line: int) -> None:
    device_id, event_minute = cells.device_id(), cells.event_minute()
    rows = devices.setdefault(device_id, _Rows())
    if rows.event_minutes:
        _check_order(device_id, rows, event_minute, cells.where)
    rows.event_minutes.append(event_minute)
    rows.values.append(list(cells.values()))
    rows.line = line


def _check_order(device_id: str, rows: _Rows, event_minute: int, where: str) -> None:
    ahead = event_minute - rows.event_minutes[-1]
    if 0 < ahead <= LONGEST_GAP_MIN:
        return
    minute = f"{from_event_minute(event_minute):%Y-%m-%dT%H:%MZ}"
    if ahead == 0:
        trouble = f"a second row for {minute} (the first is line {rows.line}); a device has one row a minute"
    elif ahead < 0:
        trouble = f"{minute} is before the time in line {rows.line}; sort each device's rows by time"
    else:
        trouble = f"{minute} is {ahead} minutes after line {rows.line}; gaps over {LONGEST_GAP_MIN} are taken for a wrong date"
    raise Misconfigured(f"{where}, column {TIME_COLUMN}: {device_id} has {trouble}")


def _recording(path: Path, device_id: str, rows: _Rows) -> Recording:
    offsets = np.asarray(rows.event_minutes) - rows.event_minutes[0]
    values = np.asarray(rows.values, dtype=np.float64)
    grid = np.full((values.shape[1], offsets[-1] + 1), np.nan)
    grid[:, offsets] = values.T
    resolution_bpm = detect_resolution_bpm(grid[0], grid[1])
    pulse = grid[2] if len(grid) > 2 else None
    return Recording(
        device_id, rows.event_minutes[0], grid[0], grid[1], pulse, resolution_bpm, origin=f"CSV {path.name}"
    )
