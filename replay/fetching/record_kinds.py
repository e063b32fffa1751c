"""What a record consists of on a server, and how its bytes are checked: WFDB numerics, and MIMIC-IV's numerics tables."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from replay.fetching.errors import Damaged
from replay.fetching.record_files import check_record, signal_files
from replay.sources.wfdb_numerics import RECORD_LIST, subject_of

BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RecordKind:
    """How records are fetched; a record is called as its header without `.hea`.

    `files` names what lies beside a header that is there, `check` looks at a record whose files are all there; both raise
    Damaged. `subject` says whose record it is, by its path on the server. `record_list` is the list that a folder of such records is read by, None where their files tell by themselves.
    """

    files: Callable[[Path], list[str]]
    check: Callable[[Path], None]
    subject: Callable[[PurePosixPath], str]
    record_list: str | None


def _numerics_table(record: Path) -> list[str]:
    return [f"{record.name}n.csv.gz"]


def _subject_of_table(record: PurePosixPath) -> str:
    return record.parent.parent.name


def _check_table(record: Path) -> None:
    """Raise Damaged unless the table's gzip data is whole: it carries a checksum of its own."""
    path = record.with_name(f"{record.name}n.csv.gz")
    try:
        with gzip.open(path) as file:
            while file.read(BLOCK_BYTES):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(f"{path.name} is damaged or not there: {error}") from None


WFDB_RECORD: Final = RecordKind(signal_files, check_record, lambda record: subject_of(record.name), RECORD_LIST)
NUMERICS_TABLE: Final = RecordKind(_numerics_table, _check_table, _subject_of_table, None)
