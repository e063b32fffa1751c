"""CSV vitals are read minute by minute; a mistake is named by line and column."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from detectors.minutes import cleaning
from replay.sources import read_recordings
from replay.sources.minutes import usable

HEADER = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm,pulse_bpm\n"


@pytest.fixture
def csv_file(tmp_path: Path):
    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "vitals.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_many_devices_with_gaps_and_empty_values_are_read(csv_file) -> None:
    text = (
        "bed-1,2183-04-28T17:47:00Z,80.1,15,80\n"
        "bed-2,2896-01-01T00:00:00+00:00,60,12,\n"
        "bed-1,2183-04-28T17:48:00Z,,16,81\n"
        "bed-1,2183-04-28T17:51:00Z,82,0,\n"
    )
    first, second = read_recordings([csv_file(HEADER + text)])
    assert (first.device_id, first.resolution_bpm) == ("bed-1", 0.1)
    assert f"{from_event_minute(first.first_event_minute):%F %R}" == "2183-04-28 17:47"
    nan = np.nan
    np.testing.assert_array_equal(first.heart_rate_bpm, [80.1, nan, nan, nan, 82])
    np.testing.assert_array_equal(first.resp_rate_bpm, [15, 16, nan, nan, nan])
    np.testing.assert_array_equal(first.pulse_bpm, [80, 81, nan, nan, nan])
    assert (second.device_id, second.minutes, second.resolution_bpm) == ("bed-2", 1, 1.0)


def test_columns_may_come_in_any_order_and_pulse_is_optional(csv_file) -> None:
    path = csv_file(
        "resp_rate_bpm, spo2, observed_at, device_id, heart_rate_bpm\n15, 97, 2150-01-01T00:00Z, bed-1, 80\n"
    )
    (recording,) = read_recordings([path])
    assert (recording.heart_rate_bpm[0], recording.resp_rate_bpm[0], recording.pulse_bpm) == (80.0, 15.0, None)


def test_a_file_saved_by_a_spreadsheet_is_read(csv_file) -> None:
    path = csv_file((HEADER + "bed-1,2150-01-01T00:00Z,80,15,\n\n").replace("\n", "\r\n"), encoding="utf-8-sig")
    assert read_recordings([path])[0].minutes == 1


def test_other_time_zones_are_turned_into_utc(csv_file) -> None:
    (recording,) = read_recordings([csv_file(HEADER + "bed-1,2150-01-01T01:30:59+01:00,80,15,\n")])
    assert f"{from_event_minute(recording.first_event_minute):%F %R}" == "2150-01-01 00:30"


GOOD = "bed-1,2150-01-01T00:00Z,80,15,\n"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("bed-1,yesterday,80,15,", "line 3, column observed_at: 'yesterday' is not a time; write it as 2183-"),
        ("bed-1,2150-01-01T00:01,80,15,", "line 3, column observed_at: .* has no time zone"),
        ("bed-1,2150-01-01T00:01Z,fast,15,", "line 3, column heart_rate_bpm: its value is not a rate"),
        ("bed-1,2150-01-01T00:01Z,80,15,inf", "line 3, column pulse_bpm: its value is not .* empty means missing"),
        ("bed-1,2150-01-01T00:01Z,80,1_5,", "line 3, column resp_rate_bpm: its value is not a rate"),
        ('bed-1,2150-01-01T00:01Z,"80,5",15,', "line 3, column heart_rate_bpm: its value is not a rate"),
        (" , 2150-01-01T00:01Z,80,15,", "line 3, column device_id is empty"),
        ("***,2150-01-01T00:01Z,80,15,", "line 3, column device_id: .* needs a letter or a digit"),
        ("Bed_1,2150-01-01T00:01Z,80,15,", "line 3, column device_id: 'Bed_1' and 'bed-1' would both be device bed-1"),
        ("bed-1,2150-01-01,80,15,", "line 3, column observed_at: '2150-01-01' is a date without a time of day"),
        ("bed-1,1969-12-31T23:59Z,80,15,", "line 3, column observed_at: .* lies between 1970-01-01 and 9999-12-30"),
        ("bed-1,9999-12-31T23:59:00-05:00,80,15,", "line 3, column observed_at: .* lies between 1970-01-01"),
        ("bed-1,0001-01-01T00:00+05:00,80,15,", "line 3, column observed_at: .* lies between 1970-01-01"),
        ("bed-1,2150-01-01T00:01Z,80", "line 3: the row ends before the column resp_rate_bpm"),
        ("bed-1,2150-01-01T00:00:30Z,80,15,", r"a second row for 2150-01-01T00:00Z \(the first is line 2\)"),
        ("bed-1,2510-01-01T00:01Z,80,15,", "taken for a wrong date"),
    ],
)
def test_a_wrong_row_is_named_by_line_and_column(csv_file, row: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        read_recordings([csv_file(HEADER + GOOD + row + "\n")])


@pytest.mark.parametrize("rate", ["8o.25", "81.75 bpm", '"83,5"', "84_5"])
def test_a_wrong_rate_is_not_repeated_for_it_may_be_a_patients(csv_file, rate: str) -> None:
    with pytest.raises(Misconfigured, match="line 3, column heart_rate_bpm: its value is not a rate") as error:
        read_recordings([csv_file(HEADER + GOOD + f"bed-1,2150-01-01T00:01Z,{rate},15,\n")])
    assert rate.strip('"') not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("device_id,observed_at,heart_rate\n", r"no column heart_rate_bpm, resp_rate_bpm; the columns are device_id,"),
        ("", "vitals.csv is empty; was it downloaded or exported to its end"),
        ("\n", "is empty but for line breaks"),
        ("device_id,observed_at,heart_rate_bpm\n", "no column resp_rate_bpm; the columns are"),
        ("bed,at,hr\n1,2,3\n", "no known header; `fedsecure inspect` lists the formats that are read"),
        (HEADER.replace("pulse", "heart_rate"), "the column heart_rate_bpm is there twice"),
        (HEADER, "no rows below its header"),
    ],
)
def test_a_wrong_file_is_told_the_columns(csv_file, text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        read_recordings([csv_file(text)])


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\xd8\x00")
    (tmp_path / "workbook.csv").write_bytes(b"PK\x03\x04 and so on")
    (tmp_path / "line.csv").write_text("x" * (1 << 20))
    for name, words in (
        ("nowhere", r"nowhere\.csv cannot be read: No such file"), ("binary", r"binary\.csv cannot be read as text"),
        ("workbook", "is a workbook or a zip archive; save"), ("line", "has a line of more than 1,048,576 characters"),
    ):  # fmt: skip
        with pytest.raises(Misconfigured, match=words):
            read_recordings([tmp_path / f"{name}.csv"])


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "vitals.csv.gz"
    path.write_bytes(gzip.compress((HEADER + GOOD).encode()))
    assert read_recordings([path])[0].minutes == 1
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(Misconfigured, match=r"vitals\.csv\.gz cannot be read"):
        read_recordings([path])


def rows(heart: object, breath: object, device: str = "bed-1", minutes: int = 5) -> str:
    return "".join(f"{device},2150-01-01T00:{minute:02d}Z,{heart},{breath},\n" for minute in range(minutes))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (rows("", 15), "heart rate never measured, every value is missing or one that no patient has; both"),
        (rows(80, 0), "respiratory rate never measured"),
        (rows(1.3, 15), "heart rate is not in beats per minute: 100% .* outside 20-300, as if beats per second"),
        (rows(750, 15), "as if milliseconds between beats .*; 60000 divided by"),
        (rows(80, 0.25), "respiratory rate is not in breaths per minute: .* outside 3-100, as if breaths per second"),
        (rows(80, 4000), "as if milliseconds between breaths"),
        (rows(12, 15), "as if another unit or a sensor that was off"),
    ],
)
def test_a_device_with_nothing_measured_or_in_other_units_is_refused(csv_file, text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as refused:
        read_recordings([csv_file(HEADER + text)])
    assert "vitals.csv, device bed-1: " in str(refused.value)
    assert "750" not in str(refused.value)  # a patient's value is not for logs


def test_such_a_device_among_others_is_skipped_and_said(csv_file, caplog: pytest.LogCaptureFixture) -> None:
    text = rows(80, 15) + rows("", 15, "bed-2") + rows(1.3, 15, "bed-3") + rows("", 15, "bed-4")
    assert [recording.device_id for recording in read_recordings([csv_file(HEADER + text)])] == ["bed-1"]
    (message,) = caplog.messages
    assert message.startswith("skipped 3 of 4 recordings: heart rate never measured")
    assert "(2: vitals.csv, device bed-2, vitals.csv, device bed-4); heart rate is not in" in message


def test_a_bad_sensor_is_not_a_wrong_unit(csv_file) -> None:
    text = rows(12, 15, minutes=17) + "bed-1,2150-01-01T01:00Z,80,15,\nbed-1,2150-01-01T01:01Z,80,15,\n"
    assert read_recordings([csv_file(HEADER + text)])[0].minutes == 62


def test_ten_years_are_taken_for_wrong_dates(csv_file) -> None:
    months = [f"bed-1,{year}-{month:02d}-01T00:00Z,80,15,\n" for year in range(2150, 2160) for month in range(1, 13)]
    with pytest.raises(Misconfigured, match=r"device bed-1: 9\.9 years long, which is taken for wrong dates"):
        read_recordings([csv_file(HEADER + "".join(months))])


def test_the_limits_of_artefacts_are_the_detectors() -> None:
    assert (usable.LOWEST, usable.HIGHEST) == (cleaning.LOWEST, cleaning.HIGHEST)
