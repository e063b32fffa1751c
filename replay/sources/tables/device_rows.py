"""Collect the rows of tables that hold one row a minute and device: CSV and Parquet."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import numpy as np

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from contracts.identifiers import device_id_of, label_of
from replay.recording import Recording
from replay.sources.minutes.averages import on_own_grid
from replay.sources.minutes.usable import Unusable, check_length
from replay.sources.source import Reading, read_each
from replay.sources.tables.cells import is_missing

TIME_COLUMN: Final = "observed_at"
DEVICE_COLUMN: Final = "device_id"
PULSE_COLUMN: Final = "pulse_bpm"
REQUIRED: Final = (DEVICE_COLUMN, TIME_COLUMN, "heart_rate_bpm", "resp_rate_bpm")
COLUMNS_SAID: Final = f"{','.join(REQUIRED)}[,{PULSE_COLUMN}]"
LONGEST_GAP_MIN: Final = 31 * 1440
WRITTEN_AS_FLOAT: Final = re.compile(r"^(\d+)\.0+$")
"""Device 12 where the column had a gap: such columns of numbers are written as 12.0."""


def checked_rate(where: str, value: float) -> float:
    """Return a rate per minute, NaN = missing (as zero and a device's negative codes are). Raises Misconfigured for infinity.

    >>> checked_rate("ward.csv, line 2", 80.5), checked_rate("ward.csv, line 3", -1.0)
    (80.5, nan)
    """
    if value == math.inf:
        raise Misconfigured(f"{where}: an infinite value is not a rate per minute; empty means missing")
    return value if value > 0 else math.nan


def partition_value(path: Path, column: str) -> str | None:
    """Return what a folder on the file's way says of a column that the file leaves out, as Spark writes it: `column=value/`.

    >>> partition_value(Path("ward/device_id=bed%207/part-0.parquet"), "device_id")
    'bed 7'
    """
    for folder in reversed(path.parts[:-1]):
        name, equals, value = folder.partition("=")
        if equals and name.lower() == column:
            return unquote(value)
    return None


@dataclass(slots=True)
class _Rows:
    """The rows of one device so far, in their order in the table. `line` is where each stands."""

    label: str
    event_minutes: list[int] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


class DeviceRows:
    """The rows of a table, device by device, in any order. `unit` is what the table calls a row's place (line, row)."""

    def __init__(self, path: Path, kind: str, unit: str = "line") -> None:
        self._path = path
        self._kind = kind
        self._unit = unit
        self._by_name: dict[str, _Rows] = {}
        self._by_id: dict[str, _Rows] = {}

    def place(self, line: int, column: str) -> str:
        """Return where a cell stands, for people."""
        return f"{self._path}, {self._unit} {line}, column {column}"

    def add(self, line: int, name: str, event_minute: int, values: tuple[float, ...]) -> None:
        """Add one row: heart, respiratory and (in every row or in none) pulse rate.

        Raises Misconfigured for a name that is none, or that another device's name is turned into as well.
        """
        rows = self._by_name.get(name)
        if rows is None:
            rows = self._by_name[name] = self._named(line, name)
        rows.event_minutes.append(event_minute)
        rows.values.append(values)
        rows.lines.append(line)

    def reading(self) -> Reading:
        """Return one recording a device, in the order of their first rows. Minutes without a row are missing ones."""
        if not self._by_id:
            raise Misconfigured(f"{self._path} has no rows below its header")
        return read_each(
            (name := f"{self._path}, device {device_id}", partial(self._recording, name, device_id, rows))
            for device_id, rows in self._by_id.items()
        )

    def _named(self, line: int, name: str) -> _Rows:
        name = WRITTEN_AS_FLOAT.sub(r"\1", name.strip())
        if is_missing(name):
            raise Misconfigured(f"{self.place(line, DEVICE_COLUMN)} is empty; every row names its device")
        try:
            device_id = device_id_of(name)
        except Misconfigured as error:
            raise Misconfigured(f"{self.place(line, DEVICE_COLUMN)}: {error}") from None
        rows = self._by_id.setdefault(device_id, _Rows(name))
        if rows.label != name:
            raise Misconfigured(
                f"{self.place(line, DEVICE_COLUMN)}: {name!r} and {rows.label!r} would both be device {device_id}; "
                "give one of them another name"
            )
        return rows

    def _recording(self, name: str, device_id: str, rows: _Rows) -> Recording:
        minutes = np.asarray(rows.event_minutes)
        order = np.argsort(minutes, kind="stable")
        minutes, lines = minutes[order], np.asarray(rows.lines)[order]
        self._check_steps(name, minutes, lines)
        values = np.asarray(rows.values, dtype=np.float64)[order]
        check_length(name, int(minutes[-1] - minutes[0]) + 1)
        grid = np.full((values.shape[1], int(minutes[-1] - minutes[0]) + 1), np.nan)
        grid[:, minutes - minutes[0]] = values.T
        (heart, heart_grid), (breath, breath_grid), *pulse = (on_own_grid(channel) for channel in grid)
        return Recording(
            device_id,
            int(minutes[0]),
            heart,
            breath,
            pulse[0][0] if pulse else None,
            heart_grid,
            origin=f"{self._kind} {self._path.name}",
            label=label_of(rows.label, device_id),
            resp_resolution_bpm=breath_grid,
        )

    def _check_steps(self, name: str, minutes: np.ndarray, lines: np.ndarray) -> None:
        """Raise Unusable for a minute that has two rows, and for a gap that must be a wrong date."""
        ahead = np.diff(minutes)
        wrong = np.flatnonzero((ahead == 0) | (ahead > LONGEST_GAP_MIN))
        if not len(wrong):
            return
        before, after = wrong[0], wrong[0] + 1
        said = f"{from_event_minute(int(minutes[after])):%Y-%m-%dT%H:%MZ}"
        if ahead[before] == 0:
            first, second = sorted((int(lines[before]), int(lines[after])))
            raise Unusable(
                name, f"{self._unit} {second} is a second row for {said} (the first is {self._unit} {first}); "
                "a device has one row a minute",
            )  # fmt: skip
        raise Unusable(
            name, f"{self._unit} {lines[after]}: {said} is {ahead[before]} minutes after {self._unit} {lines[before]}; "
            f"gaps over {LONGEST_GAP_MIN} are taken for a wrong date",
        )  # fmt: skip
