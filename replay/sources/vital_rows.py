"""Collect the rows of tables that hold one row a minute and device: CSV and Parquet."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from contracts.identifiers import check_device_id
from replay.recording import Recording
from replay.sources.grid import detect_resolution_bpm
from replay.sources.reading import Reading, read_each
from replay.sources.usable import check_length

TIME_COLUMN, DEVICE_COLUMN, PULSE_COLUMN = "observed_at", "device_id", "pulse_bpm"
REQUIRED = (DEVICE_COLUMN, TIME_COLUMN, "heart_rate_bpm", "resp_rate_bpm")
COLUMNS_SAID = f"{','.join(REQUIRED)}[,{PULSE_COLUMN}]"
LONGEST_GAP_MIN = 31 * 1440


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands, so that every complaint can say so: `line` of `path`, called `unit` there (line, row)."""

    path: Path
    line: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.path}, {self.unit} {self.line}"

    def device_id(self, text: str) -> str:
        """Return a device id, or raise Misconfigured."""
        try:
            return check_device_id(text)
        except Misconfigured as error:
            raise Misconfigured(f"{self}, column {DEVICE_COLUMN}: {error}") from None

    def rate(self, column: str, value: float, text: object) -> float:
        """Return a rate per minute, NaN = missing (as 0 is), or raise Misconfigured."""
        if not 0 <= value < math.inf:
            raise Misconfigured(f"{self}, column {column}: {text!r} is not a rate per minute; empty means missing")
        return value or math.nan


@dataclass(slots=True)
class _Rows:
    """The rows of one device so far; `line` is where the last one stands."""

    event_minutes: list[int] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)
    line: int = 0


class DeviceRows:
    """The rows of a table, device by device; those of one device rise in time."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._devices: dict[str, _Rows] = {}

    def add(self, place: Place, device_id: str, event_minute: int, values: tuple[float, ...]) -> None:
        """Add one row: heart, respiratory and (in every row or in none) pulse rate. Raises Misconfigured for its time."""
        rows = self._devices.setdefault(device_id, _Rows())
        if rows.event_minutes:
            _check_order(place, device_id, rows, event_minute)
        rows.event_minutes.append(event_minute)
        rows.values.append(values)
        rows.line = place.line

    def reading(self) -> Reading:
        """Return one recording a device, in the order of their first rows; minutes without a row are missing ones."""
        if not self._devices:
            raise Misconfigured(f"{self._path} has no rows below its header")
        return read_each(
            (name := f"{self._path}, device {device_id}", partial(self._recording, name, device_id, rows))
            for device_id, rows in self._devices.items()
        )

    def _recording(self, name: str, device_id: str, rows: _Rows) -> Recording:
        first = rows.event_minutes[0]
        check_length(name, rows.event_minutes[-1] - first + 1)
        offsets = np.asarray(rows.event_minutes) - first
        values = np.asarray(rows.values, dtype=np.float64)
        grid = np.full((values.shape[1], offsets[-1] + 1), np.nan)
        grid[:, offsets] = values.T
        pulse = grid[2] if len(grid) > 2 else None
        resolution_bpm = detect_resolution_bpm(grid[0], grid[1])
        origin = f"{self._kind} {self._path.name}"
        return Recording(device_id, first, grid[0], grid[1], pulse, resolution_bpm, origin=origin)


def _check_order(place: Place, device_id: str, rows: _Rows, event_minute: int) -> None:
    ahead = event_minute - rows.event_minutes[-1]
    if 0 < ahead <= LONGEST_GAP_MIN:
        return
    minute = f"{from_event_minute(event_minute):%Y-%m-%dT%H:%MZ}"
    before = f"{place.unit} {rows.line}"
    if ahead == 0:
        trouble = f"a second row for {minute} (the first is {before}); a device has one row a minute"
    elif ahead < 0:
        trouble = f"{minute} is before the time in {before}; sort each device's rows by time"
    else:
        trouble = f"{minute} is {ahead} minutes after {before}; gaps over {LONGEST_GAP_MIN} are taken for a wrong date"
    raise Misconfigured(f"{place}, column {TIME_COLUMN}: {device_id} has {trouble}")
