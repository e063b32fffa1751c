"""Keep the channels of long recordings in a file, for many are judged side by side and only slices are needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, Self, cast, overload

import numpy as np

from detectors.array_types import Floats
from detectors.engine.chunks import Channel

_KIND: Final = np.dtype(np.float64)


class StoredChannel(Sequence[float | None]):
    """One channel, float64[minutes], in a file. Slices are arrays, read when taken."""

    def __init__(self, file: BinaryIO, values: Floats) -> None:
        """Append the values to the file."""
        self._file = file
        self._start = file.seek(0, os.SEEK_END)
        self._minutes = len(values)
        file.write(np.ascontiguousarray(values).data)

    def __len__(self) -> int:
        return self._minutes

    @overload
    def __getitem__(self, at: int) -> float | None: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[float | None]: ...
    def __getitem__(self, at: int | slice) -> float | Sequence[float | None] | None:
        if isinstance(at, int):
            return float(self._read(range(self._minutes)[at], 1)[0])
        start, stop, step = at.indices(self._minutes)
        return self._read(start, max(stop - start, 0))[::step]  # type: ignore[return-value] # as `Channel`, an array

    def _read(self, start: int, count: int) -> Floats:
        self._file.seek(self._start + start * _KIND.itemsize)
        return np.fromfile(self._file, _KIND, count)


class ChannelStore:
    """Keeps channels: as they are until they are so many minutes, from then on in a file of the folder, gone with the store."""

    def __init__(self, folder: Path, most_minutes: int) -> None:
        self._folder = folder
        self._left = most_minutes
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def kept(self, values: Floats) -> Channel:
        """Return the channel as the detector takes it. Raises OSError where the folder is full."""
        self._left -= len(values)
        if self._left >= 0:
            return values
        if self._file is None:
            file = tempfile.TemporaryFile(prefix="channels-", dir=self._folder)  # noqa: SIM115 - closed by __exit__
            self._file = cast("BinaryIO", file)
        return StoredChannel(self._file, values)
