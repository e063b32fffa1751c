"""Read summaries of a Zephyr BioHarness: rates a second, with its own numbers for what it did not measure."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from replay.sources.reading import Reading, read_each
from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, read_sampled_table
from replay.sources.tables.times import parsed_local

LAYOUT: Final = Layout(time="time", heart=("hr",), breath=("br",), seconds=parsed_local)


def read_zephyr(path: Path) -> Reading:
    """Return the file's one recording; HR 0 and BR 6553.5 are missing, as all that no patient has.

    Times are `28/04/2183 17:47:00.123` (day first) or ISO 8601, UTC where they have no zone. The device is called as the file.
    Raises Misconfigured naming file, line and column.
    """
    name = path.name.partition(".")[0]
    return read_each([(str(path), lambda: read_sampled_table(path, LAYOUT, name, f"Zephyr summary {path.name}"))])


SOURCE = Source("Zephyr BioHarness summary", "Time,HR,BR among others", read_zephyr, header=LAYOUT.fits)
