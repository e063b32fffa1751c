"""Tell which format a path holds: a table by its header, anything else by its suffix, a folder by its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured
from replay.sources.minutes.usable import Unusable
from replay.sources.source import Reading, RowsOf, Source, all_sources, merged
from replay.sources.table_folder import FolderRecordings
from replay.sources.tables.blocks import BytesRead, unheard
from replay.sources.tables.recording_store import RecordingStore
from replay.sources.tables.row_store import RowStore
from replay.sources.tables.text_table import column_names

TABLES: Final = (".csv", ".tsv", ".txt")
GZIPPED: Final = ".gz"
MOST_FILES: Final = 100_000


class UnknownFormat(Unusable):
    """A file or folder of no format that is read."""

    @property
    def sentence(self) -> str:
        """What it is, without what to do."""
        return super().__str__()

    def __str__(self) -> str:
        return f"{self.sentence}; `fedsecure inspect` lists the formats that are read"


def read_path(path: Path) -> Reading:
    """Return what a file or folder holds. Raises Misconfigured when its format is unknown or it cannot be read."""
    if path.is_dir():
        return folder_recordings(path, RecordingStore()).reading()
    return merged(file_readings(path))


def file_readings(path: Path, store: RowStore | None = None, read: BytesRead = unheard) -> Iterator[Reading]:
    """Yield what a file holds, a recording at a time where its format allows that. Raises as `read_path`.

    The rows of a table are in the store meanwhile, by default in memory.
    """
    with _readable(path):
        source = _source_of(path)
        yield Reading((), formats=(source.name,))
        if source.rows is not None:
            yield from _read_by_device(source.rows, path, store or RowStore(), read)
        else:
            yield from (source.read(path),) if source.each is None else source.each(path)
            read(path.stat().st_size if path.is_file() else 0)


def _read_by_device(rows: RowsOf, path: Path, store: RowStore, read: BytesRead) -> Iterator[Reading]:
    try:
        devices = rows(path, store, read)
        for part in devices.parts(max(devices.devices, 1)):
            yield from part.readings()
    finally:
        store.remove()


def folder_recordings(folder: Path, store: RecordingStore, read: BytesRead = unheard) -> FolderRecordings:
    """Return what a folder holds, kept by the store, at whose place the rows of its tables lie as well. Raises as `read_path`."""
    files, apart = folder_files(folder)
    found = FolderRecordings(folder, store, apart)
    for file in files:
        rows = RowStore(store.folder, store.most_minutes)
        found.add(file, partial(file_readings, file, rows, read))
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from None


def formats_said() -> str:
    """Return every format with its marks, a line each."""
    return "\n".join(
        f"  {source.name}: {', '.join(filter(None, (*source.suffixes, source.marks)))}" for source in all_sources()
    )


def row_table(path: Path) -> Source | None:
    """Return the source that puts a file's rows into a store, or None where it is read as a whole. Raises as `read_path`."""
    with _readable(path):
        source = None if path.is_dir() else _source_of(path)
    return source if source is not None and source.rows is not None else None


def _source_of(path: Path) -> Source:
    """Return the source of a file. Raises Misconfigured for what is none, is empty or of no format that is read."""
    if path.exists() and not path.is_file():
        raise Misconfigured(
            f"{path} is neither a file nor a folder; a recording is read from its beginning more than once"
        )
    source = _format_of(path)
    if path.is_file() and not path.stat().st_size:
        raise Misconfigured(f"{path} is empty; was it downloaded or exported to its end?")
    return source


def _format_of(path: Path) -> Source:
    suffix = _suffix(path)
    if suffix in TABLES:
        names = column_names(path)
        for source in all_sources():
            if source.header is not None and source.header(names):
                return source
        raise UnknownFormat(str(path), "line 1: no known header")
    for source in all_sources():
        if suffix in source.suffixes:
            return source
    hint = " by themselves; name the record's header (.hea)" if suffix == ".dat" else ""
    raise UnknownFormat(str(path), f"{suffix} files are not read{hint}")


def _suffix(path: Path) -> str:
    """The suffix that tells the format, in lower case, without the one of gzip."""
    name = Path(path.name.lower())
    return Path(name.stem).suffix if name.suffix == GZIPPED else name.suffix


def folder_files(folder: Path) -> tuple[list[Path], bool]:
    """Return the files that a folder's recordings are read from, and whether each recording of a subject is a device of its own.

    Raises Misconfigured for a folder without any, with too many, or that cannot be read.
    """
    with _readable(folder):
        files = _files_below(folder)
    for source in all_sources():
        if source.folder and (matching := [file for file in files if fnmatch(file.name.lower(), source.folder)]):
            return matching, True
    suffixes = {*TABLES, *(suffix for source in all_sources() for suffix in source.suffixes if suffix)}
    if tables := [file for file in files if _suffix(file) in suffixes]:
        return tables, False
    raise UnknownFormat(str(folder), "is a folder without recordings; name its files")


def _files_below(folder: Path) -> Sequence[Path]:
    """Every file below the folder, but for those that begin with a dot or `_` (Spark's own) or lie in such folders."""
    seen = islice(folder.rglob("*"), MOST_FILES + 1)
    files = [path for path in seen if path.is_file()]
    if len(files) > MOST_FILES:
        raise Misconfigured(f"{folder} holds more than {MOST_FILES:,} files; name those that hold recordings")
    return sorted(file for file in files if not any(part[0] in "._" for part in file.relative_to(folder).parts))
