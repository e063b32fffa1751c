"""Read text tables of any usual make: gzipped or not, UTF-8 or UTF-16, separated by commas, semicolons, tabs or bars."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, TypeVar, cast

from contracts.errors import Misconfigured
from replay.sources.tables.cells import number

Value = TypeVar("Value")
SEPARATORS: Final = (",", ";", "\t", "|")
LONGEST_LINE: Final = 1 << 20
GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGIC: Final = b"PK\x03\x04"
ENCODINGS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row and the line of the file on which it ends. A table says its columns by index."""

    line: int
    cells: Sequence[str]


class TextTable:
    """An open table: its columns by name in lower case, and its rows once, in order.

    Blanks around names and cells do not count, nor does the names' case. Where the separator is no comma, a decimal
    comma is understood.
    """

    def __init__(self, path: Path, file: IO[str]) -> None:
        self.path = path
        lines = lines_of(path, file)
        self._skipped, self.separator, first = _header(path, lines)
        self._reader = csv.reader(chain([first], lines), delimiter=self.separator, skipinitialspace=True)
        self.names = [name.strip().strip("'\"").strip() for name in next(self._reader, [])]
        self.columns: dict[str, int] = {}
        self._twice: set[str] = set()
        for index, name in enumerate(self.names):
            if self.columns.setdefault(name.lower(), index) != index:
                self._twice.add(name.lower())

    @property
    def decimal_comma(self) -> bool:
        return self.separator != ","

    def place(self, line: int, column: str | None = None) -> str:
        """Return where something stands, for people: file, line and column as the file writes it."""
        if column is None:
            return f"{self.path}, line {line}"
        return f"{self.path}, line {line}, column {self.names[self.columns[column]]}"

    def require(self, names: Iterable[str], said: str) -> None:
        """Raise Misconfigured, naming line 1 and what the table should have, unless every column is there once."""
        names = list(names)
        lacking = [name for name in names if name.lower() not in self.columns]
        if lacking:
            raise Misconfigured(f"{self.path}, line 1: no column {', '.join(lacking)}; {said}")
        self.check_once(names)

    def check_once(self, names: Iterable[str]) -> None:
        """Raise Misconfigured for a wanted column that is there twice: nobody could say which one counts."""
        if twice := sorted(name for name in names if name.lower() in self._twice):
            raise Misconfigured(f"{self.path}, line 1: the column {twice[0]} is there twice; keep one")

    @property
    def lines_read(self) -> int:
        """How many of the file's lines were read so far; after the header alone, the line on which it ends."""
        return self._reader.line_num + self._skipped

    def rows(self) -> Iterator[Row]:
        """Yield every row that is not empty. It may be shorter or longer than the header."""
        return _rows(self._reader, self._skipped)

    def rows_in(self, lines: Iterable[str], lines_before: int) -> Iterator[Row]:
        """Yield the rows of some of the file's lines, as `rows` does, below so many lines of it."""
        return _rows(csv.reader(lines, delimiter=self.separator, skipinitialspace=True), lines_before)

    def text(self, row: Row, column: str) -> str:
        """Return a wanted cell without the blanks around it. Raises Misconfigured where the row ends before it, or is not UTF-8."""
        index = self.columns[column]
        if index >= len(row.cells):
            raise Misconfigured(f"{self.place(row.line)}: the row ends before the column {self.names[index]}")
        cell = row.cells[index].strip()
        if not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            raise Misconfigured(
                f"{self.place(row.line, column)} is not UTF-8 (Latin-1 or Windows?); save the file as UTF-8"
            )
        return cell

    def parsed(
        self, row: Row, column: str, parse: Callable[[str], Value], trouble: str, *, shown: bool = True
    ) -> Value:
        """Return what `parse` makes of a wanted cell. Its ValueError becomes Misconfigured: where, and that it is `trouble`.

        `shown`: the cell's text is repeated; it is not where it may be a patient's value.
        """
        text = self.text(row, column)
        try:
            return parse(text)
        except ValueError:
            said = repr(text) if shown else "its value"
            raise Misconfigured(f"{self.place(row.line, column)}: {said} is {trouble}") from None

    def number(self, text: str) -> float:
        """Return a cell's number as this table writes it, NaN = missing. Raises ValueError for anything else."""
        return number(text, decimal_comma=self.decimal_comma)


@contextmanager
def opened_table(path: Path) -> Iterator[TextTable]:
    """Yield the table. What goes wrong while it is read becomes Misconfigured with its name.

    Bytes that are no UTF-8 trouble only who asks for their cell (`TextTable.text`).
    """
    try:
        with _open(path) as file:
            yield TextTable(path, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Misconfigured(f"{path} cannot be read: its gzip data is damaged or cut off ({error})") from None
    except UnicodeError:
        raise Misconfigured(f"{path} cannot be read as text; save the table as UTF-8") from None
    except csv.Error as error:
        raise Misconfigured(f"{path} cannot be read: {error}; is a quotation mark never closed?") from None
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from None


def column_names(path: Path) -> frozenset[str]:
    """Return the names of the header in lower case. Raises Misconfigured for a file that is empty or cannot be read."""
    with opened_table(path) as table:
        return frozenset(table.columns)


def opened_bytes(path: Path) -> io.BufferedReader:
    """Open the table as the bytes of its text, unpacked where it is gzipped. Raises Misconfigured, OSError or gzip's errors."""
    with path.open("rb") as raw:
        start = raw.read(4)
    if not start:
        raise Misconfigured(f"{path} is empty; was it downloaded or exported to its end?")
    if start == ZIP_MAGIC:
        raise Misconfigured(f"{path} is a workbook or a zip archive; save the table as CSV (UTF-8)")
    binary = gzip.GzipFile(path) if start[:2] == GZIP_MAGIC else path.open("rb", buffering=0)
    return io.BufferedReader(cast("io.RawIOBase", binary))


def encoding_of(file: io.BufferedReader) -> str:
    """Return what the text's first bytes say of its encoding, without reading on."""
    start = file.peek(4)[:4]
    return next((name for mark, name in ENCODINGS.items() if start.startswith(mark)), "utf-8")


def as_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Return the text from here on, its line ends as they are."""
    errors = "strict" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


def _open(path: Path) -> IO[str]:
    file = opened_bytes(path)
    return as_text(file, encoding_of(file))


def _rows(reader: Any, lines_before: int) -> Iterator[Row]:
    for cells in reader:
        if cells and (len(cells) > 1 or cells[0].strip()):
            yield Row(reader.line_num + lines_before, cells)


def lines_of(path: Path, file: IO[str]) -> Iterator[str]:
    """Yield the lines. One that never ends is refused before memory is asked for it."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise Misconfigured(f"{path} has a line of more than {LONGEST_LINE:,} characters; it is no table")
        yield line


def _header(path: Path, lines: Iterator[str]) -> tuple[int, str, str]:
    """Return how many lines stand before the header, the separator, and the header's first line.

    Empty lines may stand before it, and a spreadsheet's line that declares the separator: `sep=;`.
    """
    declared = ""
    for skipped, line in enumerate(lines):
        word = line.strip().strip('"').lower()
        if word.startswith("sep=") and len(word) <= len("sep=;"):
            declared = word[len("sep=") :] or "\t"
        elif word:
            likely = max(SEPARATORS, key=lambda separator: len(next(csv.reader([line], delimiter=separator))))
            return skipped, declared or likely, line
    raise Misconfigured(f"{path} is empty but for line breaks; its first line names the columns")
