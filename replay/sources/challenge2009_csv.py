"""Read numerics that PhysioNet's `rdsamp -c -v -ps` wrote as CSV: quoted names, a row of units, times in brackets.

`-` and 0.000 are missing, columns come in any order. The device id is the file's name, as of a WFDB record.
"""

from __future__ import annotations

import re
from typing import Final

from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, export_reader
from replay.sources.tables.times import parsed_in, undated_seconds
from replay.sources.wfdb_numerics import subject_of

DATED: Final = re.compile(r"\[?(\d{1,2}:\d{2}:\d{2})(?:\.\d+)? (\d{1,2}/\d{1,2}/\d{4})\]?")
ELAPSED: Final = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")


def bracketed_seconds(where: str, text: str) -> float:
    """Return seconds since 1970 of `[HH:MM:SS dd/mm/yyyy]`, or of an elapsed time (`h:mm:ss` or seconds) of an undated record."""
    if dated := DATED.fullmatch(text.strip()):
        return parsed_in(where, f"{dated[1]} {dated[2]}", "%H:%M:%S %d/%m/%Y", "[17:47:00 28/04/2183]")
    if elapsed := ELAPSED.fullmatch(text.strip()):
        hours, minutes, seconds = elapsed.groups()
        return undated_seconds(where, str(3600 * int((hours or "0")[:9]) + 60 * int(minutes) + float(seconds)))
    return undated_seconds(where, text)


LAYOUT: Final = Layout(
    time=r"time|time and date|elapsed time|date",
    heart=("hr",), breath=("resp",), pulse=("pulse",), seconds=bracketed_seconds,
)  # fmt: skip
SOURCE = Source(
    "WFDB numerics as CSV (Challenge 2009, `rdsamp -c -v -ps`)",
    "'Time','HR','RESP' among others, then a row of units",
    export_reader(LAYOUT, "rdsamp CSV", lambda path: subject_of(path.name.partition(".")[0])),
    header=lambda names: LAYOUT.fits(names) and {"hr", "resp"} <= names,
)
