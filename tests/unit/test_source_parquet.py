"""Parquet holds the CSV's columns and gives the same recordings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from replay.sources import read_recordings

NAN = np.nan
AT = datetime(2183, 4, 28, 17, 47, 59, tzinfo=UTC)
UTC_MS = pa.timestamp("ms", "UTC")


def write(folder: Path, name: str = "ward.parquet", **columns: Any) -> Path:
    minutes = len(columns.get("observed_at", [0, 0]))
    table = {
        "heart_rate_bpm": [80.0] * minutes,
        "device_id": ["bed-1"] * minutes,
        "resp_rate_bpm": [15] * minutes,
        "observed_at": pa.array([AT + timedelta(minutes=minute) for minute in range(minutes)], UTC_MS),
        **columns,
    }
    pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), folder / name)
    return folder / name


def test_many_devices_with_gaps_and_nulls_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        device_id=pa.array(["bed-1", "bed-2", "bed-1", "bed-1"]).dictionary_encode(),
        observed_at=pa.array([AT, AT, AT + timedelta(minutes=1), AT + timedelta(minutes=4)], UTC_MS),
        heart_rate_bpm=pa.array([80.1, 60, None, 82], pa.float32()),
        resp_rate_bpm=pa.array([15, 12, 16, 0], pa.int16()),
        pulse_bpm=[80.0, NAN, 81.0, None],
        other=["a", "b", "c", "d"],
    )
    first, second = read_recordings([path])
    assert (first.device_id, second.device_id, second.minutes) == ("bed-1", "bed-2", 1)
    assert f"{from_event_minute(first.first_event_minute):%F %R}" == "2183-04-28 17:47"
    np.testing.assert_array_equal(first.heart_rate_bpm, [80.1, NAN, NAN, NAN, 82])
    np.testing.assert_array_equal(first.resp_rate_bpm, [15, 16, NAN, NAN, NAN])
    np.testing.assert_array_equal(first.pulse_bpm, [80, 81, NAN, NAN, NAN])
    assert (first.resolution_bpm, first.origin) == (0.1, "Parquet ward.parquet")


def test_a_time_of_another_zone_is_turned_into_utc(tmp_path: Path) -> None:
    local = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    (recording,) = read_recordings([write(tmp_path, observed_at=pa.array([local], pa.timestamp("us", "Asia/Kolkata")))])
    assert f"{from_event_minute(recording.first_event_minute):%F %R}" == "2183-04-28 17:47"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"resp_rate_bpm": None}, "no column resp_rate_bpm; the columns are device_id,"),
        ({"observed_at": pa.array([AT], pa.timestamp("ms"))}, "write it as a timestamp with a time zone"),
        ({"observed_at": ["2183-04-28T17:47Z"]}, "observed_at is string"),
        ({"heart_rate_bpm": ["80", "81"]}, "heart_rate_bpm is string; a rate per minute is a number"),
        ({"heart_rate_bpm": [80.0, np.inf]}, "row 2, column heart_rate_bpm: an infinite value is not a rate"),
        ({"device_id": ["bed-1", "Bed 1"]}, "row 2, column device_id: 'Bed 1' and 'bed-1' would both be device bed-1"),
        ({"device_id": ["bed-1", None]}, "row 2, column device_id: it is null"),
        ({"observed_at": pa.array([AT, None], UTC_MS)}, "row 2, column observed_at: it is null"),
        ({"observed_at": pa.array([AT, AT], UTC_MS)}, r"row 2 is a second row for .* \(the first is row 1\)"),
        (
            {
                "observed_at": pa.array([-1], pa.timestamp("s", "UTC")),
                "device_id": ["bed-1"],
                "heart_rate_bpm": [80.0],
                "resp_rate_bpm": [15],
            },
            "row 1, column observed_at: .* lies between 1970-01-01 and 9999-12-30",
        ),
        ({"observed_at": pa.array([], UTC_MS)}, "has no rows"),
        ({"resp_rate_bpm": [None, None]}, "respiratory rate never measured"),
        ({"heart_rate_bpm": [1.3, 1.3]}, "ward.parquet, device bed-1: heart rate is not in beats per minute"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        read_recordings([write(tmp_path, **columns)])


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "empty.parquet").touch()
    for name, words in (
        ("x", "x.parquet cannot be read as Parquet"),
        ("empty", "is empty"),
        ("no", "no.parquet cannot"),
    ):
        with pytest.raises(Misconfigured, match=words):
            read_recordings([tmp_path / f"{name}.parquet"])
