"""Read recordings of any size part by part: a part is read where it is worked on, in another process perhaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from replay.sources.formats import file_readings, folder_files, folder_recordings, row_table
from replay.sources.source import Reading
from replay.sources.table_folder import FolderRecordings
from replay.sources.tables.blocks import BytesRead
from replay.sources.tables.device_rows import DeviceRows
from replay.sources.tables.recording_store import RecordingStore
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
class FilePart:
    """A file that holds a recording, as a rule, or several, one after the other."""

    path: Path
    devices: int = 1
    minutes: int = MINUTES_OF_A_FILE

    def readings(self) -> Iterator[Reading]:
        yield from file_readings(self.path)


@dataclass(frozen=True, slots=True)
class Collected:
    """What a path holds, ready to be read part by part."""

    path: Path
    content: DeviceRows | FolderRecordings | FilePart

    @property
    def minutes(self) -> int:
        """About how many minutes it has."""
        return self.content.minutes

    def parts(self, jobs: int) -> Iterator[RecordingPart]:
        """Yield the recordings in their order, in parts that so many jobs share."""
        if isinstance(self.content, FilePart):
            yield self.content
        else:
            yield from self.content.parts(devices_a_part(self.content.devices, jobs), FULL_TILE, MANY_MINUTES)


def collected(paths: Sequence[Path], folder: Path, read: BytesRead) -> list[Collected]:
    """Return what files and folders hold; the parts together are what `read_recordings` returns.

    Tables of a row a minute and folders are read now, once; of all their minutes about half a million stay in memory, the others lie
    in files of `folder`. Any other file is read with its part. Raises Misconfigured as `read_recordings` does for what is
    read now and for files of no format, and Unavailable where the folder is full.
    """
    found: list[Collected] = []
    left = MOST_ROWS_IN_MEMORY
    for path in paths:
        if path.is_dir():
            recordings = folder_recordings(path, kept := RecordingStore(folder, left), read)
            left -= kept.minutes_in_memory
            found.append(Collected(path, recordings))
        elif (source := row_table(path)) is not None and source.rows is not None:
            rows = source.rows(path, store := RowStore(folder, left), read)
            left = max(left - store.rows_in_memory, 0)
            found.append(Collected(path, rows))
        else:
            found.append(Collected(path, FilePart(path)))
    return found


def bytes_to_read(paths: Sequence[Path]) -> int | None:
    """Return how many bytes files and folders have, or None where nobody knows before they are unpacked. Raises as `collected`."""
    files = [file for path in paths for file in (folder_files(path)[0] if path.is_dir() else [path])]
    packed = any(file.suffix.lower() == ".gz" for file in files)
    return None if packed else sum(file.stat().st_size for file in files if file.is_file())


def devices_a_part(devices: int, jobs: int) -> int:
    """Return how many devices of so many are judged together: full tiles if that leaves every job some.

    >>> [devices_a_part(devices, 4) for devices in (10_000, 100, 12, 3)]
    [32, 16, 4, 4]
    """
    full = (each for each in (MOST_DEVICES, FULL_TILE) if devices >= 2 * jobs * each or jobs == 1)
    return next(full, min(FULL_TILE, max(4, -(-devices // jobs))))
