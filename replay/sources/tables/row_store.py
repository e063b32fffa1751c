"""Hold the rows of a table by device: in memory, or, where they are many, as sorted runs in one temporary file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from replay.sources.tables.spill_file import SpillFile

Rows = NDArray[Any]
"""Structured: `device` (its number), `event_minute`, `line` (where it stands), `rates` float64[channels]."""
MOST_ROWS_IN_MEMORY: Final = 1 << 19  # of 36 or 44 bytes
FEWEST_ROWS_A_RUN: Final = 1 << 16
NO_DEVICE: Final = np.uint32(0xFFFFFFFF)


def rows_type(channels: int) -> np.dtype[Any]:
    """Return the type of rows with so many rates."""
    return np.dtype([("device", "<u4"), ("event_minute", "<i8"), ("line", "<i8"), ("rates", "<f8", (channels,))])


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rows of neighbouring devices in one run: the k-th device's are those from `starts[k]` to `starts[k + 1]`.

    They are in `rows`, or, where that is None, in the file `path` from its byte `offset` on.
    """

    starts: NDArray[np.int64]
    kind: np.dtype[Any]
    rows: Rows | None
    path: Path | None = None
    offset: int = 0

    def of(self, place: int) -> Rows:
        """Return a device's rows. Raises OSError where they cannot be read."""
        begin, end = self.starts[place : place + 2].tolist()
        if self.path is None or begin == end:
            return np.empty(0, self.kind) if self.rows is None else self.rows[begin:end]
        return np.fromfile(self.path, self.kind, end - begin, offset=self.offset + begin * self.kind.itemsize)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Rows sorted by device: those of `devices[k]` are `starts[k]` up to `starts[k + 1]`."""

    devices: NDArray[np.uint32]
    starts: NDArray[np.int64]
    rows: Rows | None
    offset: int

    def piece(self, first: int, end: int, path: Path | None, kind: np.dtype[Any]) -> Piece:
        starts = self.starts[np.searchsorted(self.devices, np.arange(first, end + 1))]
        begin, stop = starts[[0, -1]].tolist()
        if self.rows is not None:
            return Piece(starts - begin, kind, self.rows[begin:stop])
        return Piece(starts - begin, kind, None, path, self.offset + begin * kind.itemsize)


@dataclass(slots=True)
class RowStore:
    """Rows as they come, then by device. With a `folder`, about `most_rows` are in memory at most, the others in a file there."""

    folder: Path | None = None
    most_rows: int = MOST_ROWS_IN_MEMORY
    rows: int = 0
    rows_in_memory: int = 0
    _waiting: list[Rows] = field(default_factory=list)
    _runs: list[_Run] = field(default_factory=list)
    _kind: np.dtype[Any] | None = None
    _file: SpillFile | None = None

    def add(self, rows: Rows) -> None:
        """Add rows in the order of the table. May write to the folder; raises Unavailable where that fails."""
        self._waiting.append(rows)
        self.rows += len(rows)
        self.rows_in_memory += len(rows)
        if self.folder is not None and self.rows_in_memory >= max(self.most_rows, FEWEST_ROWS_A_RUN):
            self._seal(self.folder)

    def counts(self, devices: int) -> NDArray[np.int64]:
        """Return how many rows each device has. No row may be added any more."""
        if self._waiting:
            self._seal(self.folder if self._runs else None)
        counts = np.zeros(devices, np.int64)
        for run in self._runs:
            counts[run.devices] += np.diff(run.starts)
        return counts

    def pieces(self, first: int, end: int) -> tuple[Piece, ...]:
        """Return where the rows of the devices `first` up to `end` are, in the order of the table. Call `counts` before."""
        assert self._kind is not None
        path = None if self._file is None else self._file.path
        pieces = (run.piece(first, end, path, self._kind) for run in self._runs)
        return tuple(piece for piece in pieces if piece.starts[-1])

    def remove(self) -> None:
        """Give back the room in the folder, when no piece is needed any more."""
        if self._file is not None:
            self._file.remove()

    def _seal(self, folder: Path | None) -> None:
        rows = _by_device(np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0])
        self._waiting, self._kind = [], rows.dtype
        starts = np.flatnonzero(np.diff(rows["device"], prepend=NO_DEVICE))
        devices = rows["device"][starts]
        offset = 0
        if folder is not None:
            self._file = self._file or SpillFile(folder, "rows of a large table")
            offset = self._file.append(rows)
            self.rows_in_memory = 0
        kept = rows if folder is None else None
        self._runs.append(_Run(devices, np.append(starts, len(rows)), kept, offset))


def _by_device(rows: Rows) -> Rows:
    device = rows["device"]
    if (device[1:] >= device[:-1]).all():
        return rows
    return rows[np.argsort(device, kind="stable")]
