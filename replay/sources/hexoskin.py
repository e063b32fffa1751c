"""Read exports of a Hexoskin shirt: rates a second, times in 1/256 second."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured
from replay.sources.minutes.undated import UNDATED_START
from replay.sources.reading import Reading, read_each
from replay.sources.source import Source
from replay.sources.tables.cells import number
from replay.sources.tables.sampled_table import Layout, read_sampled_table
from replay.sources.tables.times import checked_seconds

TICKS_PER_S: Final = 256
FIRST_DATED_S: Final = 1e8
"""Fewer seconds than these (1973) are counted from the recording's start, not from 1970."""
PLACEHOLDERS: Final = (70.0, 10.0)
"""Heart and breathing rate that the shirt shows until it has measured any."""


def tick_seconds(where: str, text: str) -> float:
    """Return seconds since 1970 of a time in 1/256 second. Raises Misconfigured for anything but a number from 0 on."""
    try:
        seconds = number(text) / TICKS_PER_S
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise Misconfigured(f"{where}: {text!r} is not a time in 1/256 second from 0 on")
    return checked_seconds(where, seconds if seconds >= FIRST_DATED_S else 60 * UNDATED_START + seconds, text)


LAYOUT: Final = Layout(
    time=r"time(stamp)?\b.*",
    heart=(r"heart_rate \[bpm\].*", "heart_rate"),
    breath=(r"breathing_rate \[rpm\].*", "breathing_rate"),
    seconds=tick_seconds,
    placeholders=PLACEHOLDERS,
)


def read_hexoskin(path: Path) -> Reading:
    """Return the file's one recording; the placeholders 70 and 10 at its start are missing.

    The device is called as the file. Raises Misconfigured naming file, line and column.
    """
    name = path.name.partition(".")[0]
    return read_each([(str(path), lambda: read_sampled_table(path, LAYOUT, name, f"Hexoskin export {path.name}"))])


SOURCE = Source(
    "Hexoskin export",
    "time [s/256],heart_rate [bpm]…,breathing_rate [rpm]… among others",
    read_hexoskin,
    header=LAYOUT.fits,
)
