"""Read summaries of a Zephyr BioHarness: rates a second, with its own numbers for what it did not measure.

Times are `28/04/2183 17:47:00.123` (day first) or ISO 8601, UTC where they have no zone. HR 0 and BR 6553.5 are missing, as
all that no patient has. The device is called as the file.
"""

from __future__ import annotations

from typing import Final

from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, export_reader
from replay.sources.tables.times import parsed_local

LAYOUT: Final = Layout(time="time", heart=("hr",), breath=("br",), seconds=parsed_local)
SOURCE = Source(
    "Zephyr BioHarness summary", "Time,HR,BR among others", export_reader(LAYOUT, "Zephyr summary"), header=LAYOUT.fits
)
