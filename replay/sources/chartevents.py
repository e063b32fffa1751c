"""Read charted vital signs from MIMIC-III's CHARTEVENTS, a table of any size, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.recording import Recording
from replay.sources.charted import charted_recording, plausible
from replay.sources.reading import Reading, numbered, read_each
from replay.sources.text_files import column_names

MARKS = frozenset({"itemid", "charttime"})
FILE_NAMES = ("CHARTEVENTS.csv", "CHARTEVENTS.csv.gz")
NEEDED = ("SUBJECT_ID", "ITEMID", "CHARTTIME", "VALUENUM")
ERROR_COLUMN = "ERROR"
CHARTING_ERRORS = ("1", "1.0")
BLOCK_BYTES = 1 << 22
STAY_GAP_MIN = 1440

ITEMS: Final = {
    211: (0, 0), 220045: (0, 0),  # heart rate: CareVue, MetaVision
    618: (1, 0), 220210: (1, 0),  # respiratory rate, the monitor's
    615: (1, 1), 224690: (1, 1),  # respiratory rate in total, the ventilator's, where the monitor's is not charted
}  # fmt: skip
"""Item id -> (channel, rank); of one minute the lowest rank counts. The set rate of a ventilator (619, 224688) is not a
measurement, its spontaneous one (614, 224689) leaves out the breaths that it gives itself: neither is ever read."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The wanted rows of a block; all arrays [n], `event_minute` in UTC."""

    subject: NDArray[np.int64]
    item: NDArray[np.int64]
    event_minute: NDArray[np.int64]
    value: NDArray[np.float64]


def read_chartevents(path: Path) -> Reading:
    """Return one recording a stay, by subject and time; values more than a day apart belong to two stays.

    Columns SUBJECT_ID, ITEMID, CHARTTIME, VALUENUM and, if there, ERROR, in either case; .csv or .csv.gz. Rows of other
    items, with ERROR = 1, or without a value are dropped, so that memory holds one block and the wanted rows. `ITEMS` says
    which items count, `replay.sources.charted` how they become minutes. The device id is `mimic3-` and the subject, then
    `-2`, `-3` for further stays. Raises Misconfigured for a file that cannot be read or has none of the items.
    """
    blocks = [block for block in _blocks(path, _columns(path)) if len(block.item)]
    if not blocks:
        raise Misconfigured(
            f"{path} has no value of the items {', '.join(map(str, ITEMS))} (heart and respiratory rate)"
        )
    rows = _Rows(*(np.concatenate([getattr(block, name) for block in blocks]) for name in _Rows.__slots__))
    return numbered(
        read_each(
            (name := f"{path}, subject {subject}, stay {stay}", partial(_recording, name, subject, values))
            for subject, stay, values in _stays(rows)
        )
    )


def _columns(path: Path) -> dict[str, str]:
    """Return our name of each column -> the file's (the demo of MIMIC-III writes them in lower case)."""
    found = {name.upper(): name for name in column_names(path)}
    lacking = [name for name in NEEDED if name not in found]
    if lacking:
        raise Misconfigured(f"{path}, line 1: no column {', '.join(lacking)}; CHARTEVENTS has {', '.join(NEEDED)}")
    return {name: found[name] for name in (*NEEDED, ERROR_COLUMN) if name in found}


def _blocks(path: Path, columns: dict[str, str]) -> Iterator[_Rows]:
    arrow, arrow_csv = import_module("pyarrow"), import_module("pyarrow.csv")  # when first needed: they take a while
    types = (arrow.int64(), arrow.int64(), arrow.timestamp("s"), arrow.float64(), arrow.string())
    convert = arrow_csv.ConvertOptions(
        include_columns=list(columns.values()),
        column_types=dict(zip(columns.values(), types, strict=False)),
    )
    try:
        with (
            arrow.input_stream(str(path), compression="detect") as stream,
            arrow_csv.open_csv(stream, arrow_csv.ReadOptions(block_size=BLOCK_BYTES), None, convert) as reader,
        ):
            for batch in reader:
                yield _wanted(batch.rename_columns(list(columns)))
    except (OSError, arrow.ArrowException) as error:
        raise Misconfigured(f"{path} cannot be read as CHARTEVENTS: {error}") from None


def _wanted(batch: Any) -> _Rows:
    arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    keep = compute.is_in(batch["ITEMID"], value_set=arrow.array(list(ITEMS), arrow.int64()))
    for condition in (
        compute.greater(batch["VALUENUM"], 0.0),  # null (and so dropped) where there is no value
        compute.is_valid(batch["CHARTTIME"]),
        compute.is_valid(batch["SUBJECT_ID"]),
    ):
        keep = compute.and_(keep, condition)
    if ERROR_COLUMN in batch.schema.names:
        keep = compute.and_not(keep, compute.is_in(batch[ERROR_COLUMN], value_set=arrow.array(CHARTING_ERRORS)))
    kept = batch.filter(keep)
    subject, item, seconds = (
        kept[name].cast(arrow.int64()).to_numpy(zero_copy_only=False) for name in ("SUBJECT_ID", "ITEMID", "CHARTTIME")
    )
    return _Rows(subject, item, seconds // 60, kept["VALUENUM"].to_numpy(zero_copy_only=False))


def _stays(rows: _Rows) -> Iterator[tuple[int, int, tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]]]:
    """Yield (subject, number of the stay, (values, items, event minutes)), the rows that count most last in a minute."""
    rank = np.array([ITEMS[item][1] for item in rows.item.tolist()])
    order = np.lexsort((-rank, rows.event_minute, rows.subject))
    subject, minute = rows.subject[order], rows.event_minute[order]
    is_new_subject = np.diff(subject) != 0
    starts = np.flatnonzero(is_new_subject | (np.diff(minute) > STAY_GAP_MIN)) + 1
    stay, last_subject = 0, -1
    for part in np.split(order, starts):
        of_part = int(rows.subject[part[0]])
        stay, last_subject = (stay + 1 if of_part == last_subject else 1), of_part
        yield of_part, stay, (rows.value[part], rows.item[part], rows.event_minute[part])


def _recording(
    name: str, subject: int, rows: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]
) -> Recording:
    charts: tuple[list[tuple[int, float]], list[tuple[int, float]]] = ([], [])
    for value, item, event_minute in zip(*(column.tolist() for column in rows), strict=True):
        charts[ITEMS[item][0]].append((event_minute, value))
    heart, breath = (plausible(chart, channel) for channel, chart in enumerate(charts))
    device_id = check_device_id(f"mimic3-{subject}")
    return charted_recording(name, device_id, heart, breath, f"MIMIC-III CHARTEVENTS, subject {subject}")
