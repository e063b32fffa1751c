"""Read BIDMC numerics (CSV, one value a second for eight minutes) as minute averages."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from replay.sources.minutes.undated import undated_seconds
from replay.sources.reading import Reading, read_each
from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, read_sampled_table

LAYOUT: Final = Layout(time=r"time \[s\]", heart=("hr",), breath=("resp",), pulse=("pulse",), seconds=undated_seconds)


def read_bidmc(path: Path) -> Reading:
    """Return the recording of one file (columns `Time [s]`, HR, RESP and optionally PULSE; others are ignored).

    `minutes.samples` says how seconds become minutes. The device id is the file's name without `_Numerics`. The file has
    no date: event time starts at 2100-01-01T00:00Z. Raises Misconfigured naming file, line and column.
    """
    name = path.name.partition(".")[0].lower().removesuffix("_numerics").replace("_", "-")
    return read_each([(str(path), lambda: read_sampled_table(path, LAYOUT, name, f"BIDMC numerics {path.name}"))])


SOURCE = Source("BIDMC numerics", "Time [s],HR,RESP among others", read_bidmc, header=LAYOUT.fits)
