"""A table of any size gives the recordings, rows and errors of a small one, in memory that does not grow with it."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts.errors import Misconfigured, Unavailable
from replay.recording import Recording
from replay.sources import read_recordings
from replay.sources.csv_vitals import csv_rows
from replay.sources.parts import collected
from replay.sources.source import describe_skipped, merged
from replay.sources.tables import blocks, plain_columns, row_store
from replay.sources.tables.row_store import RowStore

HEADER = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm,pulse_bpm"
START = datetime(2150, 1, 1, tzinfo=UTC)
NEVER = 1 << 60


def row(device: str, minute: int, heart: str = "80.1", breath: str = "15", pulse: str = "") -> str:
    return f"{device},{START + timedelta(minutes=minute):%Y-%m-%dT%H:%MZ},{heart},{breath},{pulse}"


def outcome(path: Path) -> object:
    """What a table comes to, so that two readings of it can be compared: recordings and what is skipped, or the error."""
    try:
        recordings = read_recordings([path])
    except Misconfigured as error:
        return str(error)
    return [shown(recording) for recording in recordings]


def shown(recording: Recording) -> object:
    channels = {name: values.tolist() for name, values in recording.channels().items()}
    return recording.device_id, recording.label, recording.first_event_minute, recording.grids_bpm, repr(channels)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], object]:
    """Return what a table comes to where blocks of so many bytes are read column by column."""

    def read(path: Path, block_bytes: int) -> object:
        monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
        monkeypatch.setattr(plain_columns, "LEAST_BYTES", 0)
        try:
            return outcome(path)
        finally:
            monkeypatch.setattr(plain_columns, "LEAST_BYTES", NEVER)

    monkeypatch.setattr(plain_columns, "LEAST_BYTES", NEVER)
    return read


DEVICES = ["bed-1", "Bed 2", "bed-2", "3", "3.0", "", "nan", " bed-1 ", "***", "bäd", "x" * 130]
TIMES = [
    "2150-01-01T00:01Z", "2150-01-01 00:02:59Z", "2150-01-01T02:03:00+02:00", "2150-01-01T00:04:00.123456Z", "2150-01-01T00:05", "2150-01-01",
    "2150-02-30T00:00Z", "2150-01-01T24:00Z", "1969-12-31T23:59Z", "9999-12-31T00:00Z", "yesterday", "", " 2150-01-01T00:06Z ", "2150-01-01T00:07 UTC",
    "20500101T000800Z", "2150-01-01T00:09:00+25:00", "2150-01-01T00:10:00.1234567Z", "2150-01-01T00:11:00z", "2150-01-01T0011Z", "2150-W01-1T00:00Z",
    "2150-01-01T00:12:00-00:00", "2150-01-01T00:13:60Z", "2150-01-01T00Z", "2150-01-01T00:14:00+0100",
]  # fmt: skip
RATES = [
    "80", "80.1", "0", "-1", "", " ", "NaN", "nan", "NA", "null", "None", r"\N", "-", "--", ".", "inf", "-inf", "1e400", "1e-400", "8_0", "0x50", "80,1",
    " 81 ", "+80", "8e1", "٨٠", "80 bpm", "1.", ".5", "-nan", "infinity", "79.99999999999999999999", "\t80", "true", "-0.0", "1e5", "#N/A", "NULL", "1d3",
]  # fmt: skip
ANY_ROW = st.tuples(st.sampled_from(DEVICES), st.sampled_from(TIMES), *[st.sampled_from(RATES)] * 3).map(",".join)
GOOD_ROW = st.builds(row, st.sampled_from(["bed-1", "7", "bed-2"]), st.integers(0, 500), st.sampled_from(RATES[:15]))
ODD_LINES = [
    "",
    " ",
    ",,,,",
    "bed-1",
    "bed-1,2150-01-01T09:00Z,80,15",
    '"bed-1",2150-01-01T09:01Z,80,15,',
    "a\rb,,,,",
    "bed-1,2150-01-01T09:02Z,80,15,1,2,3",
    "\0",
]
LINES = st.lists(GOOD_ROW | GOOD_ROW | ANY_ROW | st.sampled_from(ODD_LINES), min_size=1, max_size=12)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=LINES,
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.sampled_from([64, 200, 1 << 20]),
    separator=st.sampled_from(",;"),
)
@example(
    lines=[row("bed-1", 0), '"bed-1",2150-01-01T00:01Z,"80",15,', row("bed-1", 0)], end="\n", block=64, separator=","
)
def test_columns_at_once_are_what_cell_by_cell_says(
    at_once, tmp_path: Path, lines: list[str], end: str, block: int, separator: str
) -> None:
    path = tmp_path / "ward.csv"
    text = end.join([HEADER, *lines]) + end
    path.write_bytes((text if separator == "," else text.replace(",", ";")).encode())
    assert at_once(path, block) == outcome(path)


@pytest.mark.parametrize("cell", TIMES)
def test_every_time_is_read_the_same_way(at_once, tmp_path: Path, cell: str) -> None:
    path = tmp_path / "ward.csv"
    path.write_text("\n".join([HEADER, row("bed-1", 900), f"bed-1,{cell},80,15,", row("bed-1", 901)]))
    assert at_once(path, 1 << 20) == outcome(path)


@pytest.mark.parametrize("cell", RATES)
@pytest.mark.parametrize("separator", [",", ";"])
def test_every_rate_is_read_the_same_way(at_once, tmp_path: Path, cell: str, separator: str) -> None:
    path = tmp_path / "ward.csv"
    rows = [HEADER, row("bed-1", 0), row("bed-1", 1, "?"), row("bed-1", 2)]
    path.write_text("\n".join(rows).replace(",", separator).replace("?", cell))
    assert at_once(path, 1 << 20) == outcome(path)


def test_plain_columns_are_really_read_at_once(at_once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ward.csv"
    path.write_text("\n".join([HEADER, *(row("bed-1", minute) for minute in range(100))]))
    expected = outcome(path)
    monkeypatch.setattr("replay.sources.csv_vitals._rate", None)  # cell by cell would fail
    assert at_once(path, 512) == expected


def interleaved(devices: int, minutes: int) -> list[str]:
    return [
        row(f"bed-{device}", minute, f"{80 + (minute + device) % 9}.5")
        for minute in range(minutes)
        for device in range(devices)
    ]


def in_files(path: Path, folder: Path, jobs: int = 2) -> list[object]:
    (found,) = collected([path], folder, lambda _: None)
    reading = merged(part_reading for part in found.parts(jobs) for part_reading in part.readings())
    return [*(shown(recording) for recording in reading.recordings), describe_skipped(reading.skipped)]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder into which rows go, after every 50."""
    monkeypatch.setattr("replay.sources.parts.MOST_ROWS_IN_MEMORY", 0)
    monkeypatch.setattr(row_store, "FEWEST_ROWS_A_RUN", 50)
    monkeypatch.setattr("replay.sources.tables.device_rows.ROWS_AT_ONCE", 20)
    (tmp_path / "rows").mkdir()
    return tmp_path / "rows"


def test_rows_in_files_give_the_recordings_of_rows_in_memory(little_memory: Path, tmp_path: Path) -> None:
    rows = interleaved(37, 30)
    random.Random(3).shuffle(rows)
    path = tmp_path / "ward.csv"
    path.write_text("\n".join([HEADER, *rows, row("icu-1", 5, "1.3"), row("icu-1", 6, "1.3")]))
    kept = in_files(path, little_memory)
    assert len(kept) == 38
    assert "icu-1" in str(kept[-1])
    assert kept[:-1] == outcome(path)
    assert [file.stat().st_size for file in little_memory.iterdir()] == [(len(rows) + 2) * 44]


def test_parquet_rows_lie_in_files_as_well(little_memory: Path, tmp_path: Path) -> None:
    path = tmp_path / "ward.parquet"
    minutes = [START + timedelta(minutes=minute) for minute in range(300)]
    columns = {
        "device_id": pa.array(["bed-1", "bed-2"] * 300), "observed_at": pa.array(np.repeat(minutes, 2).tolist(), pa.timestamp("us", "UTC")),
        "heart_rate_bpm": np.arange(600) % 7 + 80.0, "resp_rate_bpm": np.full(600, 15.0),
    }  # fmt: skip
    pq.write_table(pa.table(columns), path)
    assert in_files(path, little_memory)[:-1] == outcome(path)
    assert list(little_memory.iterdir())


def test_errors_name_the_lines_of_the_file(little_memory: Path, tmp_path: Path) -> None:
    path = tmp_path / "ward.csv"
    rows = interleaved(5, 60)
    for wrong, words in (
        (row("bed-3", 10), r"line 302 is a second row for 2150-01-01T00:10Z (the first is line 55)"),
        (row("bed-3", 60 + 31 * 1440), "is 44641 minutes after line 300"),
    ):
        path.write_text("\n".join([HEADER, *rows, wrong]))
        assert words in str(in_files(path, little_memory)[-1])
    for wrong, words in (
        (row("bed-3", 61, "fast"), "line 302, column heart_rate_bpm: its value is not a rate"),
        (row("BED_3", 61), "line 302, column device_id: 'BED_3' and 'bed-3' would both be device bed-3"),
        ('"bed-3",yesterday,80,15,', "line 302, column observed_at: 'yesterday' is not a time"),
    ):
        path.write_text("\n".join([HEADER, *rows, wrong, *rows]))
        with pytest.raises(Misconfigured, match=words):
            in_files(path, little_memory)


def test_a_folder_that_is_full_is_one_sentence(little_memory: Path, tmp_path: Path) -> None:
    path = tmp_path / "ward.csv"
    path.write_text("\n".join([HEADER, *interleaved(5, 60)]))
    little_memory.rmdir()
    with pytest.raises(
        Unavailable, match=r"cannot hold the rows of a large table .*: No such file or directory; make room"
    ):
        in_files(path, little_memory)


def test_memory_does_not_grow_with_the_table(
    little_memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_store, "FEWEST_ROWS_A_RUN", 2_000)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 15)
    monkeypatch.setattr(plain_columns, "LEAST_BYTES", 1 << 12)

    def peak(minutes: int) -> int:
        path = tmp_path / "ward.csv"
        path.write_text("\n".join([HEADER, *interleaved(10, minutes)]))
        csv_rows(path, RowStore(little_memory, 0))  # imports what is needed
        tracemalloc.start()
        rows = csv_rows(path, RowStore(little_memory, 0))
        for part in rows.parts(1):
            part.read()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    small, large = peak(1_000), peak(4_000)
    assert large < small + 400_000 < 4_000 * 10 * 44  # all rows would be 1.8 MB
