"""Read eICU's vitalPeriodic: medians of five minutes, which are read and said to be that, but are no minutes."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.minutes.samples import Samples, sampled_recording
from replay.sources.source import Reading, Source, read_each
from replay.sources.tables.cells import integer
from replay.sources.tables.text_table import opened_table
from replay.sources.tables.times import UNDATED_START, checked_seconds

STAY, OFFSET, HEART, BREATH = "patientunitstayid", "observationoffset", "heartrate", "respiration"
NEEDED: Final = (STAY, OFFSET, HEART, BREATH)
NO_RATE: Final = "not a rate per minute; empty means missing"
Rows = tuple["array[float]", "array[float]", "array[float]"]


def read_eicu(path: Path) -> Reading:
    """Return one recording a stay, in the order of their first rows, which may come in any order.

    Columns patientunitstayid, observationoffset (minutes since admission, negative before it), heartrate and respiration.
    The file has no date: admission is 2100-01-01T00:00Z. The device id is `eicu-` and the stay. Raises Misconfigured naming
    file, line and column.
    """
    stays: defaultdict[int, Rows] = defaultdict(lambda: (array("d"), array("d"), array("d")))
    with opened_table(path) as table:
        table.require(NEEDED, f"vitalPeriodic has {', '.join(NEEDED)}")
        for row in table.rows():
            at, heart, breath = stays[table.parsed(row, STAY, integer, "not a whole number")]
            minute = table.parsed(row, OFFSET, integer, "not a whole number")
            at.append(checked_seconds(table.place(row.line, OFFSET), 60 * (UNDATED_START + minute), minute))
            heart.append(table.parsed(row, HEART, table.number, NO_RATE, shown=False))
            breath.append(table.parsed(row, BREATH, table.number, NO_RATE, shown=False))
    if not stays:
        raise Misconfigured(f"{path} has no rows below its header")
    return read_each(_readers(path, stays))


def _readers(path: Path, stays: dict[int, Rows]) -> Iterator[tuple[str, partial[Recording]]]:
    for stay, (at, heart, breath) in stays.items():
        name, times = f"{path}, stay {stay}", np.asarray(at)
        channels = (Samples(times, np.asarray(values)) for values in (heart, breath))
        origin = f"eICU vitalPeriodic, stay {stay}"
        yield name, partial(sampled_recording, name, f"eicu-{stay}", *channels, origin=origin)


SOURCE = Source(
    "eICU vitalPeriodic (medians of five minutes)",
    f"{','.join(NEEDED)} among others",
    read_eicu,
    header=lambda names: {STAY, OFFSET} <= names,
)
