"""Open text files, gzipped or not, and tell what is wrong with one that cannot be read."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from contracts.errors import Misconfigured


@contextmanager
def opened_text(path: Path) -> Iterator[IO[str]]:
    """Yield the file as UTF-8 text; what goes wrong while it is read becomes Misconfigured with its name."""
    try:
        with _open(path) as file:
            yield file
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from None


def column_names(path: Path) -> list[str]:
    """Return the names of the first line as they are written, without the blanks around them.

    Raises Misconfigured for a file that is empty or cannot be read.
    """
    with opened_text(path) as file:
        header = next(csv.reader(file, skipinitialspace=True), [])
    if not header:
        raise Misconfigured(f"{path} is empty or begins with an empty line; its first line names the columns")
    return [name.strip() for name in header]


def _open(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return cast("IO[str]", gzip.open(path, "rt", newline="", encoding="utf-8-sig"))
    return path.open(newline="", encoding="utf-8-sig")
