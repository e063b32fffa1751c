"""Read charted vital signs from MIMIC's CHARTEVENTS (III and IV), a table of any size, row by row."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.recording import Recording
from replay.sources.minutes.charted import charted_recording, plausible
from replay.sources.source import Reading, Source, each_read, merged, numbered
from replay.sources.tables.cells import integer, is_missing, yes
from replay.sources.tables.text_table import Row, TextTable, opened_table
from replay.sources.tables.times import parsed_time

SUBJECT, ITEM, TIME, VALUE, ERROR = "subject_id", "itemid", "charttime", "valuenum", "error"
NEEDED: Final = (SUBJECT, ITEM, TIME, VALUE)
STAY_GAP_MIN: Final = 1440

ITEMS: Final = {
    211: (0, 0), 220045: (0, 0),  # heart rate: CareVue, MetaVision
    618: (1, 0), 220210: (1, 0),  # respiratory rate, the monitor's
    615: (1, 1), 224690: (1, 1),  # respiratory rate in total, the ventilator's, where the monitor's is not charted
}  # fmt: skip
"""Item id -> (channel, rank); of one minute the lowest rank counts. The set rate of a ventilator (619, 224688) is not a
measurement, its spontaneous one (614, 224689) leaves out the breaths that it gives itself: neither is ever read."""


@dataclass(slots=True)
class _Charts:
    """What was charted of a subject, in the order of the table: compact, for a table may hold all of MIMIC."""

    item: array[int] = field(default_factory=lambda: array("q"))
    event_minute: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))


def read_chartevents(path: Path) -> Reading:
    """Return one recording a stay, by subject and time. Values more than a day apart belong to two stays.

    Columns SUBJECT_ID, ITEMID, CHARTTIME (UTC where it has no zone), VALUENUM and, if there, ERROR, in either case. Rows of
    other items are left out before anything of them is read, then those marked as an error or without a value. `ITEMS` says
    which items count, `minutes.charted` how they become minutes. The device id is `mimic3-` and the subject, then `-2`,
    `-3` for further stays. Raises Misconfigured for a table that cannot be read or has none of the items, naming file, line
    and column of a wanted cell that is wrong.
    """
    return merged(each_stay(path))


def each_stay(path: Path) -> Iterator[Reading]:
    """Yield the same, a stay at a time."""
    subjects: defaultdict[int, _Charts] = defaultdict(_Charts)
    with opened_table(path) as table:
        table.require([name.upper() for name in NEEDED], f"CHARTEVENTS has {', '.join(NEEDED).upper()}")
        table.check_once([ERROR])
        for row, item in _wanted(table):
            _add(subjects, table, row, item)
    if not subjects:
        raise Misconfigured(
            f"{path} has no value of the items {', '.join(map(str, ITEMS))} (heart and respiratory rate)"
        )
    yield from numbered(
        each_read(
            (name := f"{path}, subject {subject}, stay {stay}", partial(_recording, name, subject, charts))
            for subject, stay, charts in _stays(dict(sorted(subjects.items())))
        )
    )


def _wanted(table: TextTable) -> Iterator[tuple[Row, int]]:
    """Yield the rows of wanted items with their item. An item id may be written 211, 211.0 or "211"."""
    index = table.columns[ITEM]
    items = {f"{item}{tail}": item for item in ITEMS for tail in ("", ".0")}
    for row in table.rows():
        if index >= len(row.cells):
            raise Misconfigured(f"{table.place(row.line)}: the row ends before the column {ITEM.upper()}")
        item = items.get(row.cells[index].strip())
        if item is not None:
            yield row, item


def _add(subjects: defaultdict[int, _Charts], table: TextTable, row: Row, item: int) -> None:
    if ERROR in table.columns and table.parsed(row, ERROR, yes, "neither yes nor no; empty means missing"):
        return
    value = table.parsed(row, VALUE, table.number, "not a number; empty means missing", shown=False)
    time, subject = table.text(row, TIME), table.text(row, SUBJECT)
    if not value > 0 or is_missing(time) or is_missing(subject):
        return
    charts = subjects[table.parsed(row, SUBJECT, integer, "not a subject's number; empty means missing")]
    charts.event_minute.append(int(parsed_time(table.place(row.line, TIME), time, UTC) // 60))
    charts.item.append(item)
    charts.value.append(value)


def _stays(subjects: dict[int, _Charts]) -> Iterator[tuple[int, int, list[tuple[int, int, float]]]]:
    """Yield (subject, number of the stay, rows as (event minute, item, value)), the row that counts most last in a minute."""
    for subject, charts in subjects.items():
        minute = np.asarray(charts.event_minute)
        rank = np.array([ITEMS[item][1] for item in charts.item])
        order = np.lexsort((-rank, minute))
        starts = np.flatnonzero(np.diff(minute[order]) > STAY_GAP_MIN) + 1
        for stay, part in enumerate(np.split(order, starts), 1):
            yield subject, stay, [(charts.event_minute[i], charts.item[i], charts.value[i]) for i in part.tolist()]


def _recording(name: str, subject: int, rows: list[tuple[int, int, float]]) -> Recording:
    charts: tuple[list[tuple[int, float]], list[tuple[int, float]]] = ([], [])
    for event_minute, item, value in rows:
        charts[ITEMS[item][0]].append((event_minute, value))
    heart, breath = (plausible(chart, channel) for channel, chart in enumerate(charts))
    device_id = check_device_id(f"mimic3-{subject}")
    return charted_recording(name, device_id, heart, breath, f"MIMIC CHARTEVENTS, subject {subject}")


SOURCE = Source(
    "MIMIC CHARTEVENTS (charted about hourly)",
    f"{','.join(NEEDED).upper()} among others, in either case",
    read_chartevents,
    header=lambda names: {ITEM, TIME} <= names,
    folder="chartevents.csv*",
    each=each_stay,
)
