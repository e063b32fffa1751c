"""Stays of the CinC Challenge 2012 are charted recordings that begin at their admission."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_charts import charted_values, write_cinc2012
from wfdb_records import stays

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from replay.recording import Recording
from replay.sources import read_recordings, read_sources

HEADER = "Time,Parameter,Value\n00:00,RecordID,5\n00:00,Age,65\n"


def read(folder: Path, rows: str, name: str = "5.txt") -> list[Recording]:
    (folder / name).write_text(HEADER + rows)
    return read_recordings([folder / name])


def test_a_stay_is_read_to_the_value(tmp_path: Path) -> None:
    stay = stays()[1]
    (recording,) = read_recordings([write_cinc2012(tmp_path / "140966.txt", stay)])
    written = charted_values(stay)
    first, last = written[0][0], written[-1][0]
    assert (recording.device_id, recording.resolution_bpm, recording.charted) == ("cinc-140966", 1.0, True)
    assert f"{from_event_minute(recording.first_event_minute - first):%F %R}" == "2100-01-01 00:00"
    assert recording.minutes == last - first + 1
    assert recording.heart_rate_bpm[[at - first for at, _, _ in written]].tolist() == [heart for _, heart, _ in written]
    assert recording.resp_rate_bpm[[at - first for at, _, _ in written]].tolist() == [breath for *_, breath in written]


def test_a_folder_of_stays_is_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in (12, 11):
        (tmp_path / f"{number}.txt").write_text(
            f"Time,Parameter,Value\n00:00,RecordID,{number}\n01:00,HR,80\n01:00,RespRate,15\n"
        )
    (tmp_path / "LICENSE.txt").write_text("none\n")
    assert [recording.device_id for recording in read_recordings([tmp_path])] == ["cinc-11", "cinc-12"]


def test_hours_pass_a_day_and_zero_is_missing(tmp_path: Path) -> None:
    (recording,) = read(tmp_path, "23:59,HR,80\n24:01,HR,82\n24:30,HR,0\n24:00,RespRate,15\n")
    np.testing.assert_array_equal(recording.heart_rate_bpm, [80, 81, 82])
    np.testing.assert_array_equal(recording.resp_rate_bpm, [np.nan, 15, np.nan])


def test_the_last_of_two_values_of_a_minute_counts(tmp_path: Path) -> None:
    (recording,) = read(tmp_path, "01:00,HR,80\n01:00,HR,84\n01:00,RespRate,15\n")
    assert recording.heart_rate_bpm.tolist() == [84]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("1 o'clock,HR,80\n", "line 4, column Time: .* as in 07:30"),
        ("01:00,HR,fast\n", "line 4, column Value: it is not a number"),
        ("01:00,HR\n", "line 4: the row ends before the column Value"),
        ("01:00,HR,80\n", "5.txt: no respiratory rate a patient may have was charted"),
        ("01:00,HR,80\n90000:00,RespRate,15\n", "years long, which is taken for wrong dates"),
    ],
)
def test_a_stay_that_cannot_be_used_is_refused(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        read(tmp_path, rows)


def test_an_unusable_stay_among_others_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("Time,Parameter,Value\n01:00,HR,80\n")
    (tmp_path / "2.txt").write_text("Time,Parameter,Value\n01:00,HR,80\n01:00,RespRate,15\n")
    reading = read_sources([tmp_path])
    assert ([r.device_id for r in reading.recordings], reading.found) == (["cinc-2"], 2)
    assert [error.short_name for error in reading.skipped] == ["1.txt"]
