"""A folder of tables is one source: a device goes on from file to file, and what does not fit is left out and said."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from replay.sources import read_recordings, read_sources

COLUMNS = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm"
START = datetime(2150, 1, 1, tzinfo=UTC)
NAN = np.nan


def table(first: int, heart: list[float], device: str = "bed-1", pulse: int | None = None) -> str:
    """A CSV of one device from minute `first` on."""
    lines = [COLUMNS if pulse is None else f"{COLUMNS},pulse_bpm"]
    for minute, beats in enumerate(heart, first):
        at = f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%MZ}"
        lines.append(f"{device},{at},{beats:g},15" + ("" if pulse is None else f",{pulse}"))
    return "\n".join(lines) + "\n"


def folder_of(folder: Path, **files: str) -> Path:
    """Write each text as `name.csv`."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def reasons(folder: Path) -> dict[str, str]:
    return {error.short_name: error.reason for error in read_sources([folder]).skipped}


def test_the_parts_of_a_device_are_joined_by_time_whatever_the_files_are_called(tmp_path: Path) -> None:
    folder_of(tmp_path, a=table(5, [82.5, 83]), b=table(0, [80, 81, 82]), c=table(0, [60, 61], "bed-2"))
    joined, other = read_recordings([tmp_path])
    assert joined.device_id == "bed-1"
    assert f"{from_event_minute(joined.first_event_minute):%F %R}" == "2150-01-01 00:00"
    np.testing.assert_array_equal(joined.heart_rate_bpm, [80, 81, 82, NAN, NAN, 82.5, 83])
    np.testing.assert_array_equal(joined.resp_rate_bpm, [15, 15, 15, NAN, NAN, 15, 15])
    assert joined.origin == "CSV b.csv, CSV a.csv"
    assert (other.device_id, other.minutes, other.origin) == ("bed-2", 2, "CSV c.csv")


def test_the_finer_grid_of_the_parts_is_the_devices(tmp_path: Path) -> None:
    folder_of(tmp_path, whole=table(0, [80, 81]), tenths=table(2, [80.1, 81]))
    assert read_recordings([tmp_path])[0].resolution_bpm == 0.1
    folder_of(tmp_path, tenths=table(2, [80, 81]))
    assert read_recordings([tmp_path])[0].resolution_bpm == 1.0


def test_a_pulse_that_only_one_part_has_is_kept(tmp_path: Path) -> None:
    folder_of(tmp_path, a=table(0, [80, 81]), b=table(2, [82, 83], pulse=79))
    (recording,) = read_recordings([tmp_path])
    np.testing.assert_array_equal(recording.pulse_bpm, [NAN, NAN, 79, 79])


def test_parts_that_meet_are_joined_and_parts_that_overlap_by_a_minute_are_skipped(tmp_path: Path) -> None:
    folder_of(tmp_path, a=table(0, [80, 81]), b=table(2, [82, 83]), other=table(0, [60, 61], "bed-2"))
    assert read_recordings([tmp_path])[0].minutes == 4
    folder_of(tmp_path, b=table(1, [82, 83]))
    assert [recording.device_id for recording in read_recordings([tmp_path])] == ["bed-2"]
    (reason,) = reasons(tmp_path).values()
    assert reason.startswith("its minutes are in two files, which overlap: ")
    assert "a.csv" in reason
    assert "b.csv" in reason


def test_parts_more_than_31_days_apart_are_taken_for_a_wrong_date(tmp_path: Path) -> None:
    month = 31 * 1440
    folder_of(tmp_path, a=table(0, [80]), b=table(1 + month, [82]), other=table(0, [60, 61], "bed-2"))
    assert [recording.minutes for recording in read_recordings([tmp_path])] == [month + 2, 2]
    folder_of(tmp_path, b=table(2 + month, [82]))
    assert [recording.device_id for recording in read_recordings([tmp_path])] == ["bed-2"]
    (reason,) = reasons(tmp_path).values()
    assert reason.startswith(f"{month + 1} minutes between its files, which is taken for a wrong date: ")


def test_more_than_a_year_in_all_is_refused(tmp_path: Path) -> None:
    parts = {f"part{month:02d}": table(month * 30 * 1440, [80, 81]) for month in range(14)}
    with pytest.raises(Misconfigured, match=r"device bed-1: 1\.1 years long, which is taken for wrong dates"):
        read_recordings([folder_of(tmp_path, **parts)])


def test_csv_gzip_and_parquet_may_be_mixed(tmp_path: Path) -> None:
    folder_of(tmp_path, a=table(0, [80, 81]), gone=table(2, [82, 83]))
    (tmp_path / "b.CSV.GZ").write_bytes(gzip.compress((tmp_path / "gone.csv").read_bytes()))
    folder_of(tmp_path, gone=table(4, [84, 85]))
    pq.write_table(pc.read_csv(tmp_path / "gone.csv"), tmp_path / "c.parquet")
    (tmp_path / "gone.csv").unlink()
    (recording,) = read_recordings([tmp_path])
    np.testing.assert_array_equal(recording.heart_rate_bpm, [80, 81, 82, 83, 84, 85])


def test_a_file_of_something_else_is_skipped_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder_of(tmp_path, a=table(0, [80, 81]), patients="patient,age\n1,70\n", nothing="")
    (tmp_path / "README.txt").write_text("Vital signs of a ward.\n")
    (tmp_path / "notes.md").write_text("no table, so nobody asks")
    assert read_recordings([tmp_path])[0].minutes == 2
    found = reasons(tmp_path)
    assert set(found) == {"patients.csv", "README.txt", "nothing.csv"}
    assert found["patients.csv"].startswith("line 1: no known header")
    assert found["nothing.csv"].startswith("is empty")
    assert caplog.messages[0].startswith("skipped 3 of 4 recordings: ")


def test_a_device_in_another_unit_is_skipped_and_its_other_part_read(tmp_path: Path) -> None:
    folder_of(tmp_path, a=table(0, [1.3] * 5), b=table(5, [80, 81]))
    (recording,) = read_recordings([tmp_path])
    assert recording.minutes == 2
    assert "as if beats per second" in reasons(tmp_path)["a.csv, device bed-1"]


def test_a_folder_of_nothing_that_can_be_used_is_refused_with_every_reason(tmp_path: Path) -> None:
    folder_of(tmp_path, patients="patient,age\n1,70\n", hertz=table(0, [1.3] * 5))
    with pytest.raises(Misconfigured, match=r"no usable recording among 2: .*no known header|as if beats per second"):
        read_recordings([tmp_path])


def test_a_device_in_a_folder_and_in_a_file_beside_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ward").mkdir()
    folder = folder_of(tmp_path / "ward", a=table(0, [80, 81]))
    folder_of(tmp_path, b=table(2, [82, 83]))
    with pytest.raises(Misconfigured, match="bed-1 is in two files"):
        read_recordings([folder, tmp_path / "b.csv"])
