"""Read a folder of WFDB numerics records: those that its RECORDS-numerics lists, as PhysioNet writes it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.reading import Reading, numbered, read_each
from replay.sources.usable import Unusable
from replay.sources.wfdb_numerics import read_wfdb_numerics

RECORD_LIST = "RECORDS-numerics"


def read_wfdb_folder(folder: Path) -> Reading:
    """Return one recording a usable record, in the order of the list; a subject's second record is device `<subject>-2`.

    A record that cannot be used, or whose files are not there, is skipped. Raises Misconfigured for a list that is empty or
    cannot be read.
    """
    names = listed_records(folder / RECORD_LIST)
    if not names:
        raise Misconfigured(
            f"{folder / RECORD_LIST} is empty; it lists a record a line, as in p00/p000020/p000020-2183n"
        )
    return numbered(read_each((str(folder / name), partial(_record, folder / name)) for name in names))


def listed_records(record_list: Path) -> list[str]:
    """Return the records of a RECORDS-numerics, relative to its folder. Raises Misconfigured if it cannot be read."""
    try:
        return record_list.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{record_list} cannot be read: {error}") from None


def _record(path: Path) -> Recording:
    if not Path(f"{path}.hea").is_file():
        raise Unusable(str(path), "listed, but its header is not there")
    return read_wfdb_numerics(Path(f"{path}.hea"))
