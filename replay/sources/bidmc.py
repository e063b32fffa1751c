"""Read BIDMC numerics (CSV, one value a second for eight minutes) as minute averages.

The device id is the file's name without `_Numerics`. The file has no date: event time starts at 2100-01-01T00:00Z.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, export_reader
from replay.sources.tables.times import undated_seconds

LAYOUT: Final = Layout(time=r"time \[s\]", heart=("hr",), breath=("resp",), pulse=("pulse",), seconds=undated_seconds)


def _device(path: Path) -> str:
    return path.name.partition(".")[0].lower().removesuffix("_numerics").replace("_", "-")


SOURCE = Source(
    "BIDMC numerics",
    "Time [s],HR,RESP among others",
    export_reader(LAYOUT, "BIDMC numerics", _device),
    header=LAYOUT.fits,
)
