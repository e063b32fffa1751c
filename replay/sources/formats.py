"""Tell which format a path holds: a folder by a file in it, a table by its header, anything else by its suffix (`source`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources import bidmc, chartevents, cinc2012
from replay.sources.csv_vitals import read_csv_vitals
from replay.sources.reading import Reading, read_each
from replay.sources.source import sources_by_suffix
from replay.sources.table_folder import read_table_folder
from replay.sources.text_files import column_names
from replay.sources.vital_rows import COLUMNS_SAID, REQUIRED
from replay.sources.wfdb_folder import RECORD_LIST, read_wfdb_folder
from replay.sources.wfdb_numerics import read_wfdb_numerics

FILES_SAID = (
    ".hea or no suffix (the header or name of a WFDB numerics record), .csv, .csv.gz or .txt (vital signs a row a minute, "
    "MIMIC-III CHARTEVENTS, BIDMC numerics, CinC 2012)"
)
TABLES = (".csv", ".csv.gz", ".txt", ".txt.gz")
FOLDERS_SAID = f"{RECORD_LIST} (WFDB), {chartevents.FILE_NAMES[0]}[.gz], {bidmc.FILE_PATTERN}, {cinc2012.FILE_PATTERN} or tables of vital signs"
HEADERS_SAID = (
    f"{COLUMNS_SAID} (vital signs), {','.join(chartevents.NEEDED)} among others (CHARTEVENTS), "
    "Time [s],HR,RESP among others (BIDMC), Time,Parameter,Value (CinC 2012)"
)


def read_path(path: Path) -> Reading:
    """Return what a file or folder holds. Raises Misconfigured when its format is unknown or it cannot be read."""
    if path.is_dir():
        return _read_folder(path)
    suffixes = "".join(path.suffixes).lower()
    if suffixes.endswith(TABLES):
        return _read_table(path)
    sources = sources_by_suffix()
    if source := sources.get(path.suffix.lower()):
        return source.read(_not_empty(path))
    if path.suffix.lower() in {".hea", ""}:
        return _read_files([path], read_wfdb_numerics)
    hint = " by themselves; name the record's header (.hea)" if path.suffix.lower() == ".dat" else ""
    others = "".join(f", {suffix} ({source.said})" for suffix, source in sources.items())
    raise Misconfigured(f"{path}: {path.suffix} files are not read{hint}; these are: {FILES_SAID}{others}")


def _read_folder(folder: Path) -> Reading:
    if (folder / RECORD_LIST).is_file():
        return read_wfdb_folder(folder)
    for name in chartevents.FILE_NAMES:
        if (folder / name).is_file():
            return chartevents.read_chartevents(folder / name)
    for pattern, read in ((bidmc.FILE_PATTERN, bidmc.read_bidmc), (cinc2012.FILE_PATTERN, cinc2012.read_cinc2012)):
        if files := sorted(folder.glob(pattern)):
            return _read_files(files, read)
    suffixes = (*TABLES, *sources_by_suffix())
    if files := sorted(file for file in folder.iterdir() if file.name.lower().endswith(suffixes)):
        return read_table_folder(files, read_path)
    raise Misconfigured(
        f"{folder} is a folder without {FOLDERS_SAID}; name its files, or list its WFDB records in {RECORD_LIST}"
    )


def _read_table(path: Path) -> Reading:
    names = {name.lower() for name in column_names(_not_empty(path))}
    if names & chartevents.MARKS:
        return chartevents.read_chartevents(path)
    if names & bidmc.MARKS:
        return _read_files([path], bidmc.read_bidmc)
    if names & cinc2012.MARKS:
        return _read_files([path], cinc2012.read_cinc2012)
    if names & {*REQUIRED}:
        return read_csv_vitals(path)
    raise Misconfigured(f"{path}, line 1: no known header; a table's columns are {HEADERS_SAID}")


def _read_files(files: Sequence[Path], read: Callable[[Path], Recording]) -> Reading:
    return read_each((str(file), partial(read, file)) for file in files)


def _not_empty(path: Path) -> Path:
    if path.is_file() and not path.stat().st_size:
        raise Misconfigured(f"{path} is empty; was it downloaded or exported to its end?")
    return path
