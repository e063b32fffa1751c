"""Cut a text table into blocks of whole rows, so that a table of any size is read in little memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

import numpy as np

from replay.sources.tables.text_table import Row, TextTable, as_text, encoding_of, lines_of, opened_bytes

BLOCK_BYTES: Final = 1 << 22
LONGEST_CELL: Final = 1 << 17  # what the csv module takes: a longer line is left to it
BytesRead = Callable[[int], None]
"""Is told how many more bytes of the (unpacked) text were read."""


def unheard(_: int) -> None:
    """Nobody asks how much was read."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that follow each other, below `lines_before` lines of the file.

    `data` are their bytes where nothing in them needs the csv module: every line is a row, no cell is quoted. None: only
    `rows` can tell.
    """

    lines_before: int
    data: bytes | None
    rows: Callable[[], Iterator[Row]]


def blocks_of(table: TextTable, read: BytesRead) -> Iterator[Block]:
    """Yield the rows below the header. From the first quotation mark or lone carriage return on, all are one last block."""
    start = table.lines_read
    with opened_bytes(table.path) as file:
        if not _skip_header(file, start):
            yield Block(start, None, table.rows)
            return
        at, lines, pending = file.tell(), start, b""
        while data := pending + (more := file.read(BLOCK_BYTES)):
            cut = data.rfind(b"\n") + 1 if more else len(data)
            whole, pending = data[:cut], data[cut:]
            if not _is_plain(whole):
                file.seek(at)
                with _text_of(file) as text:
                    yield Block(lines, None, partial(_rows_in, table, text, lines))
                return
            yield Block(lines, whole, partial(_rows_in, table, as_text(io.BytesIO(whole), "utf-8"), lines))
            lines += whole.count(b"\n")
            at += cut
            read(cut)


def _skip_header(file: io.BufferedReader, lines: int) -> bool:
    """Read over the lines up to the header. Return whether the text's bytes can be cut at line feeds."""
    encoding = encoding_of(file)
    if not encoding.startswith("utf-8"):
        return False
    return all(b"\r" not in file.readline().removesuffix(b"\n").removesuffix(b"\r") for _ in range(lines))


@contextmanager
def _text_of(file: io.BufferedReader) -> Iterator[IO[str]]:
    """Yield the text from here on. Who opened the file closes it."""
    text = as_text(file, "utf-8")
    try:
        yield text
    finally:
        text.detach()


def _rows_in(table: TextTable, text: IO[str], lines_before: int) -> Iterator[Row]:
    return table.rows_in(lines_of(table.path, text), lines_before)


def _is_plain(data: bytes) -> bool:
    if not data or b'"' in data or b"\0" in data or data.count(b"\r") != data.count(b"\r\n"):
        return False
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    return int(np.diff(ends, prepend=-1, append=len(data)).max()) < LONGEST_CELL
