"""Read stays of the PhysioNet/CinC Challenge 2012: text files of charted values, hours and minutes after admission."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.recording import Recording
from replay.sources.minutes.charted import charted_recording, plausible
from replay.sources.source import Reading, Source, read_one
from replay.sources.tables.text_table import Row, TextTable, opened_table
from replay.sources.tables.times import UNDATED_START, checked_seconds

HEADER: Final = ("time", "parameter", "value")
PARAMETERS: Final = ("HR", "RespRate")
TIME: Final = re.compile(r"(\d+):([0-5]\d)")


def read_cinc2012(path: Path) -> Reading:
    """Return the recording of one stay (columns Time as hh:mm since admission, Parameter, Value).

    HR and RespRate are charted about hourly; `minutes.charted` says how they become minutes. The device id is `cinc-` and
    the RecordID. The file has no date: admission is 2100-01-01T00:00Z. Raises Misconfigured naming file, line and column.
    """
    return read_one(path, lambda: _recording(path))


def _recording(path: Path) -> Recording:
    record_id = path.name.split(".")[0]
    charts: dict[str, list[tuple[int, float]]] = {parameter: [] for parameter in PARAMETERS}
    for parameter, minute, value in _values(path):
        if parameter == "RecordID":
            record_id = f"{value:.0f}"
        else:
            charts[parameter].append((UNDATED_START + minute, value))
    heart, breath = (plausible(charts[parameter], channel) for channel, parameter in enumerate(PARAMETERS))
    device_id = check_device_id(f"cinc-{record_id}".lower())
    return charted_recording(str(path), device_id, heart, breath, f"CinC 2012 stay {record_id}")


def _values(path: Path) -> Iterator[tuple[str, int, float]]:
    """Yield (parameter, minute since admission, value) of the wanted rows."""
    with opened_table(path) as table:
        table.require(HEADER, "the columns are Time,Parameter,Value")
        for row in table.rows():
            parameter = table.text(row, "parameter")
            if parameter in (*PARAMETERS, "RecordID"):
                yield parameter, _minute(table, row), _value(table, row)


def _minute(table: TextTable, row: Row) -> int:
    text, place = table.text(row, "time"), table.place(row.line, "time")
    time = TIME.fullmatch(text)
    if time is None:
        raise Misconfigured(f"{place}: {text!r} is not hours and minutes since admission, as in 07:30")
    minute = 60 * int(time[1][:9]) + int(time[2])
    return int(checked_seconds(place, 60 * (UNDATED_START + minute), text) // 60) - UNDATED_START


def _value(table: TextTable, row: Row) -> float:
    try:
        return table.number(table.text(row, "value"))
    except ValueError:
        raise Misconfigured(f"{table.place(row.line, 'value')}: it is not a number") from None


SOURCE = Source(
    "PhysioNet/CinC Challenge 2012 (charted about hourly)",
    "Time,Parameter,Value",
    read_cinc2012,
    header=lambda names: {"parameter", "value"} <= names,
)
