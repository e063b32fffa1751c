"""Read a monitor's export: one device a file, a row a moment, columns told by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.minutes.samples import Samples, sampled_recording
from replay.sources.source import Reading, read_one
from replay.sources.tables.cells import is_missing, number
from replay.sources.tables.text_table import Row, TextTable, opened_table

UNITS: Final = re.compile(r"[\[(]?(bpm|pm|rpm|brpm|/min|1/min|min-1|beats/min|breaths/min)[\])]?")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns an export has: patterns of whole names in lower case, the first that is there counts.

    `seconds` turns a cell of the time column into seconds since 1970; it is given the cell's place and its text, and
    raises Misconfigured. `placeholders` are heart and respiratory rate of the rows at the start that measured nothing.
    """

    time: str
    heart: tuple[str, ...]
    breath: tuple[str, ...]
    seconds: Callable[[str, str], float]
    pulse: tuple[str, ...] = ()
    placeholders: tuple[float, float] | None = None

    def fits(self, names: frozenset[str]) -> bool:
        """Return whether a table of these columns is such an export: time and one rate at least."""
        return first_match(names, (self.time,)) is not None and (
            first_match(names, self.heart) is not None or first_match(names, self.breath) is not None
        )


def first_match(names: frozenset[str], patterns: tuple[str, ...]) -> str | None:
    """Return the name that the earliest pattern matches whole (of several the first by alphabet), or None."""
    for pattern in patterns:
        if matching := sorted(name for name in names if re.fullmatch(pattern, name)):
            return matching[0]
    return None


def export_reader(
    layout: Layout, kind: str, given: Callable[[Path], str] = lambda path: path.name.partition(".")[0]
) -> Callable[[Path], Reading]:
    """Return what reads a file's one recording and names its device by `given` (else as the file, without its suffixes).

    It raises Misconfigured naming file, line and column. `kind` is what people call such files.
    """

    def read(path: Path) -> Reading:
        return read_one(path, lambda: read_sampled_table(path, layout, given(path), f"{kind} {path.name}"))

    return read


def read_sampled_table(path: Path, layout: Layout, given: str, origin: str) -> Recording:
    """Return the file's one recording. `given` names its device.

    A row of units below the header is skipped. Raises Misconfigured naming file, line and column.
    """
    with opened_table(path) as table:
        columns = _columns(table, layout)
        at_s: list[float] = []
        rates: list[list[float]] = []
        for row in _data_rows(table, columns[1:]):
            place = table.place(row.line, columns[0])
            at_s.append(layout.seconds(place, _unquoted(table.text(row, columns[0]))))
            rates.append([_rate(table, row, column) for column in columns[1:]])
    if not at_s:
        raise Misconfigured(f"{path} has no rows below its header")
    times, values = np.asarray(at_s), np.asarray(rates)
    if layout.placeholders is not None:
        values[: _rows_until_measured(values, layout.placeholders)] = np.nan
    heart, breath, *pulse = (Samples(times, channel) for channel in values.T)
    return sampled_recording(str(path), given, heart, breath, pulse[0] if pulse else None, origin=origin)


def _columns(table: TextTable, layout: Layout) -> list[str]:
    """Return the names of the columns of time, heart rate, respiratory rate and (if there) pulse."""
    names = frozenset(table.columns)
    all_patterns = ((layout.time,), layout.heart, layout.breath, layout.pulse)
    _, heart, breath, _ = matches = [first_match(names, patterns) for patterns in all_patterns]
    if heart is None or breath is None:
        lacking = "heart rate" if heart is None else "respiratory rate"
        raise Misconfigured(f"{table.path}, line 1: no column of the {lacking}; both rates are needed")
    columns = [name for name in matches if name is not None]
    table.check_once(columns)
    return columns


def _data_rows(table: TextTable, rates: list[str]) -> Iterator[Row]:
    for index, row in enumerate(table.rows()):
        if index or not all(UNITS.fullmatch(_unquoted(table.text(row, column)).lower()) for column in rates[:2]):
            yield row


def _rate(table: TextTable, row: Row, column: str) -> float:
    text = _unquoted(table.text(row, column))
    try:
        return number(text, decimal_comma=table.decimal_comma)
    except ValueError:
        if is_missing(text.strip("-")):
            return np.nan
        raise Misconfigured(
            f"{table.place(row.line, column)}: its value is not a rate per minute; empty, NaN or - mean missing"
        ) from None


def _rows_until_measured(rates: NDArray[np.float64], placeholders: tuple[float, float]) -> int:
    measured = np.flatnonzero((rates[:, :2] != placeholders).any(axis=1))
    return int(measured[0]) if len(measured) else len(rates)


def _unquoted(text: str) -> str:
    return text.strip("'\" ")
