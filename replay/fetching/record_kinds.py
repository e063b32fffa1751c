"""What a record consists of on a server, and how its bytes are checked: WFDB numerics, and MIMIC-IV's numerics tables."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from replay.fetching.errors import Damaged
from replay.sources.wfdb_numerics import LIBRARY_ERRORS, RECORD_LIST, load_wfdb, subject_of

BLOCK_BYTES: Final = 1 << 20
BYTES_PER_SAMPLE: Final = {"16": 2, "24": 3, "32": 4, "80": 1}
FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class RecordKind:
    """How records are fetched. A record is called as its header without `.hea`.

    `files` names what lies beside a header that is there, `check` looks at a record whose files are all there; both raise
    Damaged. `subject` says whose record it is, by its path on the server. `record_list` is the list that a folder of such records is read by, None where their files tell by themselves.
    """

    files: Callable[[Path], list[str]]
    check: Callable[[Path], None]
    subject: Callable[[PurePosixPath], str]
    record_list: str | None


def signal_files(record: Path) -> list[str]:
    """Return the names of the signal files beside a header. Raises Damaged when the header cannot be read."""
    header = _header(record)
    names = list(dict.fromkeys(header.file_name or ()))
    for name in names:
        if not FILE_NAME.fullmatch(name):  # it becomes a path on this machine
            raise Damaged(f"its header names a signal file {name!r}, which is no plain file name")
    return names


def check_record(record: Path) -> None:
    """Raise Damaged unless the signal files beside the header have the size and the checksums that it says."""
    header = _header(record)
    for name in signal_files(record):
        expected = _expected_bytes(header, name)
        path = record.with_name(name)
        size = path.stat().st_size if path.is_file() else 0
        if expected is not None and size != expected:
            raise Damaged(f"{name} has {size} bytes; its header says {expected}")
    if header.n_sig:
        _check_sums(record, header.checksum)


def _header(record: Path) -> Any:
    try:
        header = load_wfdb().rdheader(str(record))
    except LIBRARY_ERRORS as error:
        raise Damaged(f"its header cannot be read: {error}") from None
    if not hasattr(header, "file_name"):
        raise Damaged("its header lists other records; numerics records have signals of their own")
    return header


def _expected_bytes(header: Any, name: str) -> int | None:
    """Return the size of a signal file by the header, or None for a format whose samples are packed."""
    of_file = [index for index, file_name in enumerate(header.file_name) if file_name == name]
    frame_bytes = 0
    for index in of_file:
        if header.fmt[index] not in BYTES_PER_SAMPLE:
            return None
        frame_bytes += BYTES_PER_SAMPLE[header.fmt[index]] * int(header.samps_per_frame[index])
    return int(header.byte_offset[of_file[0]] or 0) + frame_bytes * int(header.sig_len or 0)


def _check_sums(record: Path, promised: list[int | None]) -> None:
    """The header's checksum of a signal is the sum of its samples modulo 2^16."""
    try:
        computed = load_wfdb().rdrecord(str(record), physical=False, smooth_frames=False).calc_checksum(expanded=True)
    except LIBRARY_ERRORS as error:
        raise Damaged(f"it cannot be read: {error}") from None
    for index, (is_, should) in enumerate(zip(computed, promised, strict=True)):
        if should is not None and (is_ - should) % 65536:
            raise Damaged(f"the bytes of its signal {index + 1} differ from the header's checksum")


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
NUMERICS_TABLE: Final = RecordKind(
    lambda record: [f"{record.name}n.csv.gz"], _check_table, lambda record: record.parent.parent.name, None
)
