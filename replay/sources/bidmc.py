"""Read BIDMC numerics (CSV, one value a second for eight minutes) as minute averages."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.recording import Recording, Vitals
from replay.sources.averages import AVERAGES_GRID_BPM, minute_averages
from replay.sources.text_files import opened_text
from replay.sources.undated import UNDATED_START
from replay.sources.usable import HEART_LIMITS, RESP_LIMITS, check_length

MARKS = frozenset({"time [s]"})
FILE_PATTERN = "*_Numerics.csv"
TIME_COLUMN = "Time [s]"
SECONDS_PER_MINUTE = 60
RATES = {"HR": HEART_LIMITS, "RESP": RESP_LIMITS, "PULSE": HEART_LIMITS}


def read_bidmc(path: Path) -> Recording:
    """Return the recording of one file (columns `Time [s]`, HR, RESP and optionally PULSE; others are ignored).

    A minute is the mean of its valid seconds when at least half of them are valid; empty, NaN and what no patient has
    (0, a code such as -1, outside 20-300 bpm or 3-100 breaths/min) is missing. The device id is the file's name without
    `_Numerics`. The file has no date: event time starts at 2100-01-01T00:00Z. Raises Misconfigured naming file, line
    and column.
    """
    seconds = dict(_seconds(path))
    if not seconds:
        raise Misconfigured(f"{path} has no rows below its header")
    check_length(str(path), max(seconds) // SECONDS_PER_MINUTE)
    grid = np.full((max(seconds) + 1, len(next(iter(seconds.values())))), np.nan)
    grid[list(seconds)] = list(seconds.values())
    if len(grid) < SECONDS_PER_MINUTE:
        raise Misconfigured(f"{path} is {len(grid)} seconds long; at least a minute is needed")
    channels: list[Vitals] = [
        minute_averages(values, SECONDS_PER_MINUTE, limits)
        for values, limits in zip(grid.T, RATES.values(), strict=False)  # the file may have no PULSE
    ]
    return Recording(
        device_id=check_device_id(path.name.split(".")[0].lower().removesuffix("_numerics").replace("_", "-")),
        first_event_minute=UNDATED_START,
        heart_rate_bpm=channels[0],
        resp_rate_bpm=channels[1],
        pulse_bpm=channels[2] if len(channels) > 2 else None,
        resolution_bpm=AVERAGES_GRID_BPM,
        origin=f"BIDMC numerics {path.name}",
    )


def _seconds(path: Path) -> Iterator[tuple[int, list[float]]]:
    """Yield (second, [HR, RESP(, PULSE)]) of each row; the seconds rise."""
    last = -1
    with opened_text(path) as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        lacking = {TIME_COLUMN, "HR", "RESP"}.difference(reader.fieldnames or ())
        if lacking:
            raise Misconfigured(f"{path}, line 1: no column {', '.join(sorted(lacking))}; HR and RESP are both needed")
        names = [name for name in RATES if name in (reader.fieldnames or ())]
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            second = _second(where, row[TIME_COLUMN])
            if second <= last:
                raise Misconfigured(
                    f"{where}: second {second} is there twice or out of order; a file has one row a second"
                )
            last = second
            yield second, [_number(where, name, row[name]) for name in names]


def _second(where: str, text: str | None) -> int:
    value = _number(where, TIME_COLUMN, text)
    if not value >= 0:
        raise Misconfigured(f"{where}, column {TIME_COLUMN}: {text!r} is not a number of at least 0")
    return int(value)


def _number(where: str, column: str, text: str | None) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise Misconfigured(f"{where}, column {column}: {text!r} is not a number; NaN means missing")
    return value
