"""Hold the rows of a table by device: in memory, or, where they are many, as sorted runs in one temporary file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
"""Structured: `device` (its number), `event_minute`, `line` (where it stands), `rates` float64[channels]."""
MOST_ROWS_IN_MEMORY: Final = 1 << 20  # 44 bytes each


def rows_type(channels: int) -> np.dtype[Any]:
    """Return the type of rows with so many rates."""
    return np.dtype([("device", "<u4"), ("event_minute", "<i8"), ("line", "<i8"), ("rates", "<f8", (channels,))])


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rows of neighbouring devices in one run, sorted by device: `rows`, or so many from a file's `offset` on."""

    rows: Rows | None
    path: Path | None
    offset: int
    count: int
    kind: np.dtype[Any]

    def read(self) -> Rows:
        """Return the rows."""
        if self.rows is not None:
            return self.rows
        assert self.path is not None
        with self.path.open("rb") as file:
            return np.fromfile(file, self.kind, self.count, offset=self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Rows sorted by device: those of `devices[k]` are `starts[k]` up to `starts[k + 1]`."""

    whole: Piece
    devices: NDArray[np.uint32]
    starts: NDArray[np.int64]

    def piece(self, first: int, end: int) -> Piece:
        begin, stop = self.starts[np.searchsorted(self.devices, (first, end))].tolist()
        whole = self.whole
        part = None if whole.rows is None else whole.rows[begin:stop]
        return Piece(part, whole.path, whole.offset + begin * whole.kind.itemsize, stop - begin, whole.kind)


@dataclass(slots=True)
class RowStore:
    """Rows as they come, then by device. With a `folder`, no more than `most_rows` are in memory."""

    folder: Path | None = None
    most_rows: int = MOST_ROWS_IN_MEMORY
    _waiting: list[Rows] = field(default_factory=list)
    _waiting_rows: int = 0
    _runs: list[_Run] = field(default_factory=list)
    _path: Path | None = None
    _written: int = 0

    def add(self, rows: Rows) -> None:
        """Add rows in the order of the table. May write to the folder; raises OSError where that fails."""
        self._waiting.append(rows)
        self._waiting_rows += len(rows)
        if self.folder is not None and self._waiting_rows >= self.most_rows:
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
        return tuple(piece for run in self._runs if (piece := run.piece(first, end)).count)

    def _seal(self, folder: Path | None) -> None:
        rows = _by_device(np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0])
        self._waiting, self._waiting_rows = [], 0
        starts = np.flatnonzero(np.diff(rows["device"], prepend=np.uint32(0xFFFFFFFF)))
        devices = rows["device"][starts]
        whole = Piece(rows, None, 0, len(rows), rows.dtype)
        if folder is not None:
            if self._path is None:
                handle, name = tempfile.mkstemp(prefix="rows-", dir=folder)
                os.close(handle)
                self._path = Path(name)
            with self._path.open("ab") as file:
                rows.tofile(file)
            whole = Piece(None, self._path, self._written, len(rows), rows.dtype)
            self._written += rows.nbytes
        self._runs.append(_Run(whole, devices, np.append(starts, len(rows))))


def joined_rows(pieces: tuple[Piece, ...]) -> Rows:
    """Return the rows of all pieces sorted by device, each device's in the order of the table."""
    parts = [piece.read() for piece in pieces]
    return parts[0] if len(parts) == 1 else _by_device(np.concatenate(parts))


def devices_in(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield each device's number with its rows, of rows sorted by device."""
    starts = np.flatnonzero(np.diff(rows["device"], prepend=np.uint32(0xFFFFFFFF)))
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        yield int(rows["device"][begin]), rows[begin:end]


def _by_device(rows: Rows) -> Rows:
    device = rows["device"]
    if (device[1:] >= device[:-1]).all():
        return rows
    return rows[np.argsort(device, kind="stable")]
