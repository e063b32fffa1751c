"""Tell which format a path holds: a table by its header, anything else by its suffix, a folder by its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured
from replay.sources.minutes.usable import Unusable
from replay.sources.source import Reading, Source, all_sources
from replay.sources.table_folder import read_files, read_records
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
    with _readable(path):
        return _read_folder(path) if path.is_dir() else _read_file(path)


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


def _read_file(path: Path) -> Reading:
    source = _source_of(path)
    return replace(source.read(path), formats=(source.name,))


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


def _read_folder(folder: Path) -> Reading:
    files = _files_below(folder)
    for source in all_sources():
        if source.folder and (matching := [file for file in files if fnmatch(file.name.lower(), source.folder)]):
            return replace(read_records(matching, source.read), formats=(source.name,))
    suffixes = {*TABLES, *(suffix for source in all_sources() for suffix in source.suffixes if suffix)}
    if tables := [file for file in files if _suffix(file) in suffixes]:
        return read_files(folder, tables, read_path)
    raise UnknownFormat(str(folder), "is a folder without recordings; name its files")


def _files_below(folder: Path) -> Sequence[Path]:
    """Every file below the folder, but for those that begin with a dot or `_` (Spark's own) or lie in such folders."""
    seen = islice(folder.rglob("*"), MOST_FILES + 1)
    files = [path for path in seen if path.is_file()]
    if len(files) > MOST_FILES:
        raise Misconfigured(f"{folder} holds more than {MOST_FILES:,} files; name those that hold recordings")
    return sorted(file for file in files if not any(part[0] in "._" for part in file.relative_to(folder).parts))
