"""CHARTEVENTS becomes one recording a stay: the right items, the errors dropped, whatever lies between them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from small_charts import CHARTEVENTS_HEADER as HEADER
from small_charts import charted_values, write_chartevents
from wfdb_records import stays

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources import read_recordings, read_sources


def row(item: int, time: str, value: object, subject: int = 7, error: str = "") -> str:
    time = f"2150-01-0{time}:00"
    return f'1,{subject},2,3,{item},{time},{time},4,"{value}, ""as said""",{value},bpm,,{error},,\n'


def read(folder: Path, *rows: str, header: str = HEADER) -> list[Recording]:
    path = folder / "CHARTEVENTS.csv"
    path.write_text(header + "".join(rows))
    return read_recordings([path])


def charted(recording: Recording) -> list[tuple[int, float, float]]:
    """The minutes at which something is known, as (minute, heart rate, respiratory rate)."""
    values = zip(recording.heart_rate_bpm.tolist(), recording.resp_rate_bpm.tolist(), strict=True)
    return [(minute, heart, breath) for minute, (heart, breath) in enumerate(values)]


def test_the_charts_of_two_stays_are_read_to_the_value(tmp_path: Path) -> None:
    table = write_chartevents(tmp_path / "CHARTEVENTS.csv", zip((10064, 41976), stays(), strict=True))
    for recording, subject, stay in zip(read_recordings([table]), (10064, 41976), stays(), strict=True):
        written = charted_values(stay)
        assert (recording.device_id, recording.resolution_bpm, recording.charted) == (f"mimic3-{subject}", 1.0, True)
        assert recording.first_event_minute == stay.first_event_minute + written[0][0]
        assert recording.minutes == written[-1][0] - written[0][0] + 1
        spots = [at - written[0][0] for at, _, _ in written]
        assert recording.heart_rate_bpm[spots].tolist() == [heart for _, heart, _ in written]
        assert recording.resp_rate_bpm[spots].tolist() == [breath for _, _, breath in written]


def test_zero_is_missing_and_no_line_leads_to_it(tmp_path: Path) -> None:
    rows = [row(211, "1 10:00", 80), row(211, "1 10:30", 82), row(211, "1 10:45", 0), row(618, "1 10:00", 15)]
    (recording,) = read(tmp_path, *rows, row(618, "1 10:45", 15))
    assert recording.heart_rate_bpm[[0, 15, 30]].tolist() == [80, 81, 82]
    assert np.isnan(recording.heart_rate_bpm[31:]).all()


def test_rows_marked_as_errors_do_not_count(tmp_path: Path) -> None:
    rows = [row(211, "1 10:00", 79), row(211, "1 10:30", 98, error="1"), row(211, "1 11:00", 93)]
    (recording,) = read(tmp_path, *rows, row(618, "1 10:00", 15), row(618, "1 11:00", 15))
    assert recording.heart_rate_bpm[[0, 30, 60]].tolist() == [79, 86, 93]


def test_the_monitor_is_preferred_to_the_ventilator_whichever_comes_last(tmp_path: Path) -> None:
    heart = [row(211, "1 10:00", 80), row(211, "1 10:01", 80), row(211, "1 10:02", 80)]
    (recording,) = read(
        tmp_path, *heart,
        row(618, "1 10:00", 15), row(615, "1 10:00", 25), row(619, "1 10:00", 35), row(614, "1 10:00", 5),
        row(224690, "1 10:01", 26), row(220210, "1 10:01", 16), row(224688, "1 10:01", 36),
        row(224690, "1 10:02", 27), row(224689, "1 10:02", 7), row(224688, "1 10:02", 37),
    )  # fmt: skip
    assert recording.resp_rate_bpm.tolist() == [15, 16, 27]


def test_set_and_spontaneous_rates_alone_are_no_respiratory_rate(tmp_path: Path) -> None:
    rows = [row(item, "1 10:00", 14) for item in (614, 619, 224688, 224689)]
    with pytest.raises(Misconfigured, match="subject 7, stay 1: no respiratory rate a patient may have was charted"):
        read(tmp_path, row(211, "1 10:00", 80), *rows)


def test_the_last_value_of_an_item_and_minute_counts(tmp_path: Path) -> None:
    rows = [row(220045, "1 10:00", 80), row(220045, "1 10:00", 82), row(220210, "1 10:00", 15)]
    (recording,) = read(tmp_path, *rows)
    assert charted(recording) == [(0, 82, 15)]


def test_values_up_to_two_hours_apart_are_joined_and_others_are_not(tmp_path: Path) -> None:
    breath = [row(618, "1 10:00", 12), row(618, "1 14:01", 12)]
    (recording,) = read(tmp_path, row(211, "1 10:00", 80), row(211, "1 12:00", 90), row(211, "1 14:01", 70), *breath)
    heart = recording.heart_rate_bpm
    assert heart[[0, 60, 66, 120, 241]].tolist() == [80, 85, 86, 90, 70]  # 85.5 is 86 on a grid of whole numbers
    assert np.isnan(heart[121:241]).all()
    assert np.flatnonzero(~np.isnan(recording.resp_rate_bpm)).tolist() == [0, 241]


def test_what_no_patient_has_is_left_out_before_lines_are_drawn(tmp_path: Path) -> None:
    rows = [row(211, "1 10:00", 80), row(211, "1 10:30", 999), row(211, "1 11:00", 90)]
    (recording,) = read(tmp_path, *rows, row(618, "1 10:00", 15), row(618, "1 10:30", 118), row(618, "1 11:00", 15))
    assert recording.heart_rate_bpm[[15, 30, 45]].tolist() == [82, 85, 88]  # 82.5 and 87.5, half to even
    assert set(recording.resp_rate_bpm.tolist()) == {15.0}


def test_tenths_stay_tenths(tmp_path: Path) -> None:
    rows = [row(211, "1 10:00", 80.5), row(211, "1 10:03", 81), row(618, "1 10:00", 15), row(618, "1 10:03", 15)]
    (recording,) = read(tmp_path, *rows)
    assert recording.resolution_bpm == 0.1
    assert recording.heart_rate_bpm.tolist() == [80.5, 80.7, 80.8, 81]


def test_stays_a_day_apart_are_devices_of_their_own(tmp_path: Path) -> None:
    def both(time: str, subject: int) -> list[str]:
        return [row(211, time, 80, subject), row(618, time, 15, subject)]

    rows = both("2 10:00", 8) + both("5 09:00", 7) + both("1 10:00", 7) + both("2 10:00", 7) + both("3 10:01", 7)
    recordings = read(tmp_path, *rows)
    assert [(r.device_id, r.minutes) for r in recordings] == [
        ("mimic3-7", 1441), ("mimic3-7-2", 1), ("mimic3-7-3", 1), ("mimic3-8", 1),
    ]  # fmt: skip


def test_a_subject_without_a_rate_is_skipped_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (recording,) = read(
        tmp_path,
        row(211, "1 10:00", 80),
        row(618, "1 10:00", 15),
        row(618, "1 10:00", 15, 8),
        row(618, "1 10:00", 15, 9),
    )
    assert recording.device_id == "mimic3-7"
    (message,) = caplog.messages
    assert message == (
        "skipped 2 of 3 recordings: no heart rate a patient may have was charted; both rates are needed "
        "(2: CHARTEVENTS.csv, subject 8, stay 1, CHARTEVENTS.csv, subject 9, stay 1)"
    )


def test_lower_case_columns_in_any_order_and_without_error_are_read(tmp_path: Path) -> None:
    header = "valuenum,charttime,itemid,subject_id\n"
    (recording,) = read(tmp_path, "80,2150-01-01 10:00:59,211,7\n15,2150-01-01 10:00:00,618,7\n", header=header)
    assert charted(recording) == [(0, 80, 15)]


def test_a_gzipped_table_is_read_row_by_row_among_other_items(tmp_path: Path) -> None:
    path = tmp_path / "icu" / "chartevents.csv.gz"
    path.parent.mkdir()
    with gzip.open(path, "wt") as file:
        file.write(HEADER)
        for minute in range(60):
            time = f"1 10:{minute:02d}"
            file.writelines(row(item, time, "").replace("as said", "a word, a\nline") for item in range(3000, 3040))
            file.writelines([row(211, time, 80 + minute % 7), row(618, time, 15), row(646, time, 97)])
    (tmp_path / "labevents.csv").write_text("subject_id,itemid,charttime,valuenum\n7,50813,2150-01-01 10:00:00,1\n")
    (recording,) = read_recordings([tmp_path])  # a folder with CHARTEVENTS, in it or below, is MIMIC's
    assert recording.heart_rate_bpm.tolist() == [80 + minute % 7 for minute in range(60)]


OTHER = '1,7,2,3,646,yesterday,,,"37 \xb0C,\n and more",>60,,,perhaps,,\n'


def test_what_is_wrong_in_a_row_of_another_item_is_nobodys_fault(tmp_path: Path) -> None:
    wanted = "".join(row(item, "1 10:00", value) for item, value in ((211, 80), (618, 15)))
    path = tmp_path / "CHARTEVENTS.csv"
    for encoding in ("latin-1", "utf-8"):
        path.write_text(HEADER + OTHER + wanted + OTHER, encoding=encoding)
        assert charted(read_recordings([path])[0]) == [(0, 80, 15)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_ids_written_as_floats_and_words_for_nothing_are_understood(tmp_path: Path, separator: str) -> None:
    rows = [
        "subject_id,itemid,charttime,valuenum,error", "7.0,211.0,2150-01-01 10:00:00 UTC,80,False",
        "7.0,618.0,2150-01-01 12:00:00+02:00,15,\\N", "7.0,211.0,2150-01-01T10:01:00Z,\\N,", "7.0,211,2150-01-01 10:02,None,",
        "7.0,211,2150-01-01 10:03,.,", "7,211,2150-01-01 10:04,300,TRUE", "7,211,2150-01-01 10:05,300,t", "7,211,NaT,300,",
    ]  # fmt: skip
    path = tmp_path / "export.csv"
    path.write_text("\n".join(rows).replace(",", separator))
    assert charted(read_recordings([path])[0]) == [(0, 80, 15)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ITEMID,CHARTTIME\n", "no column SUBJECT_ID, VALUENUM; CHARTEVENTS has SUBJECT_ID"),
        (HEADER, "has no value of the items 211, 220045, 618"),
        (HEADER + row(646, "1 10:00", 97), "has no value of the items"),
        (HEADER + row(211, "1 10:00", 0), "has no value of the items"),
        (HEADER.lower() + "1,seven,2,3,211,2150-01-01 10:00:00,,,,80,,,,,\n", "line 2, column subject_id: 'seven' is not a subject's number"),
        (HEADER + "\n\n1,7,2,3,211,yesterday,,,,80,,,,,\n", "line 4, column CHARTTIME: 'yesterday' is not a time"),
        (HEADER + "1,7,2,3,211,1900-01-01 10:00:00,,,,80,,,,,\n", "line 2, column CHARTTIME: .* lies between 1970-01-01"),
        (HEADER + "1,7,2,3,211,2150-01-01 10:00:00,,,,>60,,,,,\n", "line 2, column VALUENUM: its value is not a number"),
        (HEADER + "1,7,2,3,211,2150-01-01 10:00:00,,,,80,,,perhaps,,\n", "line 2, column ERROR: 'perhaps' is neither yes nor no"),
        (HEADER + "1,7,2\n", "line 2: the row ends before the column ITEMID"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "CHARTEVENTS.csv").write_text(text)
    with pytest.raises(Misconfigured, match=words):
        read_sources([tmp_path / "CHARTEVENTS.csv"])


def test_a_gzipped_table_that_was_cut_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + "".join(row(211, "1 10:00", value) for value in range(20, 300))).encode())
    (tmp_path / "CHARTEVENTS.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        Misconfigured, match=r"CHARTEVENTS\.csv\.gz cannot be read: its gzip data is damaged or cut off"
    ):
        read_sources([tmp_path])
