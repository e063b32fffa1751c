"""Read exports of a Hexoskin shirt: rates a second, times in 1/256 second. The device is called as the file."""

from __future__ import annotations

from functools import partial
from typing import Final

from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, export_reader
from replay.sources.tables.times import FIRST_DATED_S, undated_seconds

LAYOUT: Final = Layout(
    time=r"time(stamp)?\b.*",
    heart=(r"heart_rate \[bpm\].*", "heart_rate"),
    breath=(r"breathing_rate \[rpm\].*", "breathing_rate"),
    seconds=partial(
        undated_seconds, ticks_per_s=256, dated_from_s=FIRST_DATED_S, said="a time in 1/256 second from 0 on"
    ),
    placeholders=(70.0, 10.0),  # what the shirt shows until it has measured any
)
SOURCE = Source(
    "Hexoskin export",
    "time [s/256],heart_rate [bpm]…,breathing_rate [rpm]… among others",
    export_reader(LAYOUT, "Hexoskin export"),
    header=LAYOUT.fits,
)
