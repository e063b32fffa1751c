"""Collect the rows of tables that hold one row a minute and device: CSV and Parquet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.identifiers import device_id_of
from replay.sources.source import Reading, merged
from replay.sources.tables.cells import is_missing
from replay.sources.tables.device_recordings import DevicePart, NamedDevice
from replay.sources.tables.row_store import RowStore, rows_type

TIME_COLUMN: Final = "observed_at"
DEVICE_COLUMN: Final = "device_id"
PULSE_COLUMN: Final = "pulse_bpm"
REQUIRED: Final = (DEVICE_COLUMN, TIME_COLUMN, "heart_rate_bpm", "resp_rate_bpm")
COLUMNS_SAID: Final = f"{','.join(REQUIRED)}[,{PULSE_COLUMN}]"
ROWS_AT_ONCE: Final = 1 << 14
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


def groups_of(
    minutes: Sequence[int], most_devices: int, fewest_devices: int | None = None, many_minutes: int = 0
) -> Iterator[tuple[int, int]]:
    """Yield from where to where neighbouring devices are a group: so many at most; from `many_minutes` on the fewest are enough.

    >>> list(groups_of([5, 5, 5, 5], 3)), list(groups_of([5, 5, 5, 5], 3, 1, 5))
    ([(0, 3), (3, 4)], [(0, 1), (1, 2), (2, 3), (3, 4)])
    """
    first = held = 0
    for number, count in enumerate(minutes):
        most = most_devices if fewest_devices is None or held < many_minutes else fewest_devices
        if number - first >= most:
            yield first, number
            first, held = number, 0
        held += count
    if minutes:
        yield first, len(minutes)


class DeviceRows:
    """The rows of a table, device by device, in any order. `unit` is what the table calls a row's place (line, row).

    `store` holds them; by default in memory. Adding a row raises what the store raises.
    """

    def __init__(self, path: Path, kind: str, unit: str = "line", store: RowStore | None = None) -> None:
        self.path = path
        self._kind = kind
        self._unit = unit
        self._store = store or RowStore()
        self._numbers: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        self._devices: list[NamedDevice] = []
        self._waiting: list[tuple[int, int, int, tuple[float, ...]]] = []

    def place(self, line: int, column: str) -> str:
        """Return where a cell stands, for people."""
        return f"{self.path}, {self._unit} {line}, column {column}"

    def add(self, line: int, name: str, event_minute: int, values: tuple[float, ...]) -> None:
        """Add one row: heart, respiratory and (in every row or in none) pulse rate.

        Raises Misconfigured for a name that is none, or that another device's name is turned into as well.
        """
        self._waiting.append((self._number(line, name), event_minute, line, values))
        if len(self._waiting) == ROWS_AT_ONCE:
            self._store_waiting()

    def add_lines(
        self,
        lines_before: int,
        names: Sequence[str],
        device: NDArray[np.int64],
        event_minute: NDArray[np.int64],
        rates: NDArray[np.float64],
    ) -> None:
        """Add rows on consecutive lines below so many: `device` int64[n] says which of `names` each is of. Raises as `add`."""
        self._store_waiting()
        rows = np.empty(len(device), rows_type(rates.shape[1]))
        line = np.arange(lines_before + 1, lines_before + 1 + len(device))
        _, first = np.unique(device, return_index=True)
        numbers = [self._number(int(line[at]), name) for at, name in zip(first, names, strict=True)]
        rows["device"], rows["event_minute"] = np.array(numbers)[device], event_minute
        rows["line"], rows["rates"] = line, rates
        self._store.add(rows)

    @property
    def devices(self) -> int:
        """How many devices there are so far."""
        return len(self._devices)

    @property
    def minutes(self) -> int:
        """How many rows there are so far."""
        return self._store.rows + len(self._waiting)

    def reading(self) -> Reading:
        """Return one recording a device, in the order of their first rows. Minutes without a row are missing ones."""
        return merged(part.read() for part in self.parts(max(self.devices, 1)))

    def parts(self, most_devices: int, fewest_devices: int | None = None, many_rows: int = 0) -> Iterator[DevicePart]:
        """Yield the devices in the order of their first rows, so many at most; from `many_rows` on the fewest are enough.

        Raises Misconfigured where the table has no rows.
        """
        self.check_filled()
        self._store_waiting()
        counts = self._store.counts(len(self._devices)).tolist()
        for first, end in groups_of(counts, most_devices, fewest_devices, many_rows):
            yield self._part(first, end, sum(counts[first:end]))

    def check_filled(self) -> None:
        """Raise Misconfigured where the table has no rows."""
        if not self._devices:
            raise Misconfigured(f"{self.path} has no rows below its header")

    def _part(self, first: int, end: int, rows: int) -> DevicePart:
        devices = tuple(self._devices[first:end])
        return DevicePart(self.path, self._kind, self._unit, devices, self._store.pieces(first, end), rows)

    def _store_waiting(self) -> None:
        if self._waiting:
            rows = np.array(self._waiting, rows_type(len(self._waiting[0][-1])))
            self._waiting = []
            self._store.add(rows)

    def _number(self, line: int, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = self._named(line, name)
        return number

    def _named(self, line: int, name: str) -> int:
        name = WRITTEN_AS_FLOAT.sub(r"\1", name.strip())
        if is_missing(name):
            raise Misconfigured(f"{self.place(line, DEVICE_COLUMN)} is empty; every row names its device")
        try:
            device_id = device_id_of(name)
        except Misconfigured as error:
            raise Misconfigured(f"{self.place(line, DEVICE_COLUMN)}: {error}") from None
        number = self._by_id.setdefault(device_id, len(self._devices))
        if number == len(self._devices):
            self._devices.append(NamedDevice(device_id, name))
        elif (other := self._devices[number].given) != name:
            raise Misconfigured(
                f"{self.place(line, DEVICE_COLUMN)}: {name!r} and {other!r} would both be device {device_id}; "
                "give one of them another name"
            )
        return number
