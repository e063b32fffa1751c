"""Read recordings of any size part by part: a part is read where it is worked on, in another process perhaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from replay.sources.formats import read_path, row_table
from replay.sources.source import Reading
from replay.sources.tables.blocks import BytesRead
from replay.sources.tables.device_rows import DeviceRows
from replay.sources.tables.row_store import MOST_ROWS_IN_MEMORY, RowStore

MOST_DEVICES: Final = 32
FULL_TILE: Final = 16  # the network judges so many windows in the time of one
MANY_MINUTES: Final = 1 << 22
MINUTES_OF_A_FILE: Final = 2000  # a guess: only its reader knows


class RecordingPart(Protocol):
    """Some neighbouring recordings of a path. Can be sent to another process.

    `devices` and `minutes` are about how many it has. `readings` reads them, one at a time; raises Misconfigured and OSError.
    """

    @property
    def devices(self) -> int: ...
    @property
    def minutes(self) -> int: ...

    def readings(self) -> Iterator[Reading]: ...


@dataclass(frozen=True, slots=True)
class ReadPart:
    """Recordings that were read already."""

    reading: Reading

    @property
    def devices(self) -> int:
        return self.reading.found

    @property
    def minutes(self) -> int:
        return sum(recording.minutes for recording in self.reading.recordings)

    def readings(self) -> Iterator[Reading]:
        yield self.reading


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that holds a recording, as a rule, and is read as a whole."""

    path: Path
    devices: int = 1
    minutes: int = MINUTES_OF_A_FILE

    def readings(self) -> Iterator[Reading]:
        yield read_path(self.path)


@dataclass(frozen=True, slots=True)
class Collected:
    """What a path holds, ready to be read part by part."""

    path: Path
    content: DeviceRows | FilePart | Reading

    @property
    def minutes(self) -> int:
        """About how many minutes it has."""
        return (ReadPart(self.content) if isinstance(self.content, Reading) else self.content).minutes

    def parts(self, jobs: int) -> Iterator[RecordingPart]:
        """Yield the recordings in their order, in parts that so many jobs share."""
        if isinstance(self.content, FilePart):
            yield self.content
        elif isinstance(self.content, DeviceRows):
            yield from self.content.parts(devices_a_part(self.content.devices, jobs), FULL_TILE, MANY_MINUTES)
        else:
            yield from _read_parts(self.content, jobs)


def collected(paths: Sequence[Path], folder: Path, read: BytesRead) -> list[Collected]:
    """Return what files and folders hold; the parts together are what `read_recordings` returns.

    Tables of a row a minute are read now, once; of all their rows about half a million stay in memory, the others lie in files of
    `folder`. Folders are read now, as a whole; any other file is read with its part. Raises Misconfigured as
    `read_recordings` does for what is read now and for files of no format, and Unavailable where the folder is full.
    """
    found: list[Collected] = []
    left = MOST_ROWS_IN_MEMORY
    for path in paths:
        source = row_table(path)
        if source is not None and source.rows is not None:
            rows = source.rows(path, store := RowStore(folder, left), read)
            left = max(left - store.rows_in_memory, 0)
            found.append(Collected(path, rows))
        else:
            found.append(Collected(path, read_path(path) if path.is_dir() else FilePart(path)))
    return found


def devices_a_part(devices: int, jobs: int) -> int:
    """Return how many devices of so many are judged together: full tiles if that leaves every job some.

    >>> [devices_a_part(devices, 4) for devices in (10_000, 100, 12, 3)]
    [32, 16, 4, 4]
    """
    full = (each for each in (MOST_DEVICES, FULL_TILE) if devices >= 2 * jobs * each or jobs == 1)
    return next(full, min(FULL_TILE, max(4, -(-devices // jobs))))


def _read_parts(reading: Reading, jobs: int) -> Iterator[ReadPart]:
    recordings = reading.recordings
    size = devices_a_part(len(recordings), jobs)
    for start in range(0, len(recordings), size):
        yield ReadPart(Reading(recordings[start : start + size]))
    if reading.skipped:
        yield ReadPart(Reading((), reading.skipped))
