"""Values that come every second become minute averages: BIDMC numerics, and WFDB numerics of 1 Hz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_charts import write_bidmc
from wfdb_records import stays

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from replay.recording import Recording
from replay.sources import read_recordings
from replay.sources.minutes.averages import minute_averages

HEADER = "Time [s], HR, PULSE, RESP, SpO2\n"
NAN = np.nan
ANY = (-np.inf, np.inf)


def test_a_minute_that_is_half_measured_is_averaged() -> None:
    values = np.array([80, NAN, NAN, 81, 82, 83, NAN, NAN, NAN, 90, 90, 90], dtype=np.float64)
    np.testing.assert_array_equal(minute_averages(values, 4, ANY), [80.5, 82.5, 90])
    np.testing.assert_array_equal(minute_averages(values, 3, ANY), [NAN, 82, NAN, 90])


def test_a_last_minute_counts_when_half_of_it_is_there() -> None:
    assert minute_averages(np.ones(5), 4, ANY).tolist() == [1]
    assert minute_averages(np.ones(6), 4, ANY).tolist() == [1, 1]


def test_samples_that_do_not_divide_a_minute_fall_where_they_begin() -> None:
    every_16_s = np.array(
        [1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9], dtype=np.float64
    )  # at 0, 16, 32, 48 | 64, 80, 96, 112 | 128
    assert minute_averages(every_16_s, 60 / 16, ANY).tolist() == [1, 5, 9]


def test_what_no_patient_has_is_missing_before_the_mean() -> None:
    values = np.array([80, 0, 82, -1, 20, 300, 19.9, 300.1, 0, 0, 70, -1], dtype=np.float64)
    np.testing.assert_array_equal(minute_averages(values, 4, (20, 300)), [81, 160, NAN])


def test_a_file_of_seconds_is_read_to_the_minute(tmp_path: Path) -> None:
    stay = stays()[0].sliced(95, 10)
    (recording,) = read_recordings([write_bidmc(tmp_path / "bidmc_13_Numerics.csv", stay)])
    assert (recording.device_id, recording.resolution_bpm, recording.charted) == ("bidmc-13", 0.1, False)
    assert f"{from_event_minute(recording.first_event_minute):%F %R}" == "2100-01-01 00:00"
    np.testing.assert_array_equal(recording.heart_rate_bpm, np.round(stay.heart_rate_bpm))
    np.testing.assert_array_equal(recording.resp_rate_bpm, np.round(stay.resp_rate_bpm))
    np.testing.assert_array_equal(recording.pulse_bpm, recording.heart_rate_bpm)
    assert np.isnan(recording.resp_rate_bpm[5:]).all()


def read(folder: Path, rows: list[str], header: str = HEADER) -> list[Recording]:
    (folder / "bidmc_07_Numerics.csv").write_text(header + "".join(rows))
    return read_recordings([folder])


def test_a_second_without_a_row_is_missing(tmp_path: Path) -> None:
    rows = [f"{second},{80 + second},80,15,97\n" for second in range(120) if second not in range(29, 60)]
    (recording,) = read(tmp_path, rows)
    np.testing.assert_array_equal(recording.heart_rate_bpm, [NAN, 169.5])  # 29 of 60 are too few


def test_zeros_and_codes_of_the_monitor_stay_out_of_the_mean(tmp_path: Path) -> None:
    cells = ("80,70,15", "0,0,0", "82,72,17", "-1,-1,-1", "301,400,101", "19,1,2", "80,70,15", "82,72,17")
    rows = [f"{second},{cells[second % 8]},97\n" for second in range(120)]
    (recording,) = read(tmp_path, rows)
    assert recording.pulse_bpm is not None
    assert recording.heart_rate_bpm.tolist() == [81, 81]
    assert (recording.pulse_bpm.tolist(), recording.resp_rate_bpm.tolist()) == ([71, 71], [16, 16])


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        ([], HEADER, "has no rows"),
        (["0,80,80,15,97\n", "1,80,80,15,97\n"], HEADER, "has no minute of which half shows"),
        (["0,fast,80,15,97\n"], HEADER, "line 2, column HR: its value is not a rate"),
        (["0,80,80,inf,97\n"], HEADER, "line 2, column RESP: its value is not a rate"),
        (["-1,80,80,15,97\n"], HEADER, r"line 2, column Time \[s\]: '-1' is not a number of seconds from 0 on"),
        (["NaN,80,80,15,97\n"], HEADER, r"line 2, column Time \[s\]: 'NaN'"),
        (["0,80\n"], "Time [s], HR\n", "no column of the respiratory rate; both rates are needed"),
        (["0,80,80,15,97\n", "99999999999,80,80,15,97\n"], HEADER, "years long, which is taken for wrong dates"),
        ([f"{second},80,80,0,97\n" for second in range(60)], HEADER, "respiratory rate never measured"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, rows: list[str], header: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        read(tmp_path, rows, header)
