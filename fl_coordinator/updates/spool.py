"""Keeps a round's accepted updates in a temporary file, so that their number costs no memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Final
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Unavailable
from fl_coordinator.aggregation.stacking import Floats

IN_MEMORY_BYTES: Final = 8 * 2**20
"""Up to so much of a round's updates never touches a disk."""
FLOAT_BYTES: Final = 4


class NoRoom(Unavailable):
    """The folder for temporary files (TMPDIR) does not take a round's updates."""


class UpdateSpool:
    """One round's updates float32[d] by device. The file has no name: whatever ends the program, nothing of it stays.

    `put` and reading block on the disk; reading in another thread is right while nobody puts.
    """

    def __init__(self, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._in_memory_bytes = in_memory_bytes
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._places: dict[str, int] = {}
        self._width = 0
        self._close: Callable[[], object] = _nothing

    def clear(self) -> None:
        """Forget all updates."""
        with suppress(OSError):  # what could not be written is of no use any more
            self._close()
        self._file, self._places = None, {}

    def put(self, device_id: str, update: NDArray[np.float32]) -> None:
        """Keep a device's update, of the same d as all of this round. Raises NoRoom."""
        if self._file is None:
            self._file = SpooledTemporaryFile(self._in_memory_bytes)  # noqa: SIM115 - open for a whole round
            self._close = finalize(self, self._file.close)
        self._width = len(update)
        place = self._places.get(device_id, len(self._places))
        try:
            self._file.seek(place * self._width * FLOAT_BYTES)
            self._file.write(update.astype("<f4").tobytes())
        except OSError as error:
            raise NoRoom(
                f"the folder for temporary files takes no more updates ({error.strerror}): see TMPDIR"
            ) from None
        self._places[device_id] = place

    def rows(self, device_ids: Sequence[str]) -> SpooledRows:
        """Return some devices' updates as rows, in this order, read when they are asked for."""
        return SpooledRows(self, [self._places[device_id] for device_id in device_ids], self._width)

    def read(self, place: int, columns: range) -> NDArray[np.float32]:
        """Return some weights of the update at a place."""
        assert self._file is not None
        self._file.seek((place * self._width + columns.start) * FLOAT_BYTES)
        return np.frombuffer(self._file.read(len(columns) * FLOAT_BYTES), "<f4")


class SpooledRows:
    """Updates that lie in a spool, as `aggregation.stacking.Rows`."""

    def __init__(self, spool: UpdateSpool, places: Sequence[int], width: int) -> None:
        self._spool = spool
        self._places = places
        self._width = width

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, part: tuple[slice, slice], /) -> Floats:
        places, columns = self._places[part[0]], range(self._width)[part[1]]
        block = np.empty((len(places), len(columns)))
        for at, place in enumerate(places):
            block[at] = self._spool.read(place, columns)
        return block


def _nothing() -> None:
    """No file is open."""
