"""Read stays of the PhysioNet/CinC Challenge 2012: text files of charted values, hours and minutes after admission."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.recording import Recording
from replay.sources.charted import charted_recording, plausible
from replay.sources.text_files import opened_text
from replay.sources.undated import UNDATED_START

MARKS = frozenset({"parameter"})
FILE_PATTERN = "[0-9]*.txt"
HEADER = ["time", "parameter", "value"]
PARAMETERS = ("HR", "RespRate")
TIME = re.compile(r"(\d+):([0-5]\d)")


def read_cinc2012(path: Path) -> Recording:
    """Return the recording of one stay (columns Time as hh:mm since admission, Parameter, Value).

    HR and RespRate are charted about hourly; `replay.sources.charted` says how they become minutes. The device id is
    `cinc-` and the RecordID. The file has no date: admission is 2100-01-01T00:00Z. Raises Misconfigured naming file, line
    and column.
    """
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
    with opened_text(path) as file:
        reader = csv.reader(file, skipinitialspace=True)
        if [name.strip().lower() for name in next(reader, [])] != HEADER:
            raise Misconfigured(f"{path}, line 1: the columns are Time,Parameter,Value")
        for row in filter(None, reader):
            if len(row) != len(HEADER):
                raise Misconfigured(
                    f"{path}, line {reader.line_num}: {len(row)} values; the columns are Time,Parameter,Value"
                )
            if row[1] in (*PARAMETERS, "RecordID"):
                yield row[1], *_numbers(f"{path}, line {reader.line_num}", row)


def _numbers(where: str, row: list[str]) -> tuple[int, float]:
    time = TIME.fullmatch(row[0])
    if time is None:
        raise Misconfigured(f"{where}, column Time: {row[0]!r} is not hours and minutes since admission, as in 07:30")
    try:
        return 60 * int(time[1]) + int(time[2]), float(row[2])
    except ValueError:
        raise Misconfigured(f"{where}, column Value: {row[2]!r} is not a number") from None
