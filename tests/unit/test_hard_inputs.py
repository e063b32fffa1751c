"""Files as hospitals and researchers brought them, written small: each is read right, or refused in a sentence that helps."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.errors import Misconfigured
from replay.attacks import AttackSpec, inject
from replay.recording import Recording
from replay.sources import read_recordings, read_sources

NAN = np.nan
START = datetime(2150, 1, 1, 10, 30, tzinfo=UTC)
COLUMNS = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm"
MINUTES = 40
HEART = [80 + round(3 * np.sin(index / 3), 1) for index in range(MINUTES)]
BREATH = [15 + round(2 * np.cos(index / 4), 1) for index in range(MINUTES)]


def times(form: str = "%Y-%m-%d %H:%M:%S+00:00", step_min: int = 1) -> list[str]:
    return [(START + timedelta(minutes=step_min * index)).strftime(form) for index in range(MINUTES)]


def ward(
    path: Path, heart: list[object], breath: list[object], at: list[str] | None = None, device: str = "bed-1"
) -> Path:
    rows = zip(at or times(), heart, breath, strict=True)
    path.write_text("\n".join([COLUMNS, *(f"{device},{when},{hr},{rr}" for when, hr, rr in rows)]) + "\n")
    return path


def one(path: Path) -> Recording:
    (recording,) = read_recordings([path])
    return recording


def assert_same(one_of: Recording, other: Recording) -> None:
    for name in ("heart_rate_bpm", "resp_rate_bpm"):
        np.testing.assert_array_equal(one_of.channels()[name], other.channels()[name])
    assert one_of.first_event_minute == other.first_event_minute
    assert one_of.grids_bpm == other.grids_bpm


def record(folder: Path, frame: int, hz: float, values: np.ndarray) -> Path:
    """Write `values` int16[n, 2] in tenths, `frame` of them of each signal a frame."""
    folder.mkdir(exist_ok=True)
    header = [f"p000782n 2 {hz:.13f} {len(values) // frame} 10:30:00 01/01/2150"]
    header += [
        f"p000782n.dat 16{f'x{frame}' if frame > 1 else ''} 10/{unit} 16 0 0 0 0 {name}"
        for name, unit in (("HR", "bpm"), ("RESP", "pm"))
    ]
    (folder / "p000782n.hea").write_text("\n".join(header) + "\n")
    samples = values.reshape(-1, frame, 2).transpose(0, 2, 1)
    (folder / "p000782n.dat").write_bytes(np.ascontiguousarray(samples).astype("<i2").tobytes())
    return folder / "p000782n.hea"


def test_a_sensor_that_is_off_within_a_frame_does_not_pull_the_minute_down(tmp_path: Path) -> None:
    """A frame a minute with sixty samples gives the minutes of the same seconds at 1 Hz: zeros are missing before the mean."""
    generator = np.random.default_rng(3)
    seconds = np.stack([generator.integers(780, 820, 600), generator.integers(140, 160, 600)], axis=1)
    seconds[60:85] = 0
    frames = one(record(tmp_path / "frames", 60, 1 / 60, seconds))
    assert_same(frames, one(record(tmp_path / "seconds", 1, 1.0, seconds)))
    assert frames.heart_rate_bpm[1] == pytest.approx(seconds[85:120, 0].mean() / 10, abs=0.051)


def test_what_32_bit_floats_leave_of_tenths_is_undone(tmp_path: Path) -> None:
    as_float32 = [[float(np.float32(value)) for value in values] for values in (HEART, BREATH)]
    assert as_float32 != [HEART, BREATH]
    exact = one(ward(tmp_path / "a.csv", HEART, BREATH))
    assert_same(one(ward(tmp_path / "b.csv", *as_float32)), exact)
    assert exact.grids_bpm == (0.1, 0.1)


def test_each_channel_has_its_own_grid_and_an_attack_keeps_to_it(tmp_path: Path) -> None:
    recording = one(ward(tmp_path / "a.csv", [round(value) for value in HEART], BREATH))
    assert recording.grids_bpm == (1.0, 0.1)
    attacked = inject(recording, AttackSpec("data-poisoning-2", "bed-1", onset_min=5)).recording
    np.testing.assert_array_equal(attacked.heart_rate_bpm, np.round(attacked.heart_rate_bpm))
    assert np.any(attacked.resp_rate_bpm != np.round(attacked.resp_rate_bpm))


@pytest.mark.parametrize(
    "word", ["NaN", "nan", "NA", "N/A", "null", "NULL", "None", r"\N", ".", "", " ", "-", "<NA>", "0", "-1", "-999"]
)
def test_every_usual_word_for_nothing_is_missing(tmp_path: Path, word: str) -> None:
    recording = one(ward(tmp_path / "a.csv", [*HEART[:5], word, *HEART[6:]], BREATH))
    assert np.flatnonzero(np.isnan(recording.heart_rate_bpm)).tolist() == [5]


SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "semicolons and decimal commas": lambda text: text.replace(",", ";").replace(".", ",").encode(),
    "a declared separator": lambda text: ("sep=;\n" + text.replace(",", ";")).encode(),
    "bars": lambda text: text.replace(",", "|").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "UTF-16": lambda text: text.replace(",", "\t").encode("utf-16"),
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "blanks and capitals": lambda text: text.replace(COLUMNS, " Device_ID , OBSERVED_AT,Heart_Rate_BPM ,\tresp_rate_bpm").encode(),
    "quotation marks": lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()).encode(),
    "empty lines": lambda text: ("\n \n" + text.replace("\n", "\n\n")).encode(),
    "carriage returns": lambda text: text.replace("\n", "\r\n").encode(),
    "old carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "Latin-1 in a column nobody needs": lambda text: text.replace("\n", ",37 °C\n").encode("latin-1"),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_table_may_be_written_as_spreadsheets_write_it(tmp_path: Path, spelling: str) -> None:
    plain = ward(tmp_path / "plain.csv", HEART, BREATH)
    (tmp_path / "other.csv").write_bytes(SPELLINGS[spelling](plain.read_text()))
    assert_same(one(tmp_path / "other.csv"), one(plain))


def test_latin1_in_a_device_name_is_told_by_line(tmp_path: Path) -> None:
    path = ward(tmp_path / "a.csv", HEART, BREATH, device="Köln 3")
    assert (one(path).device_id, one(path).label) == ("koln-3", "Köln 3")
    path.write_bytes(path.read_text().encode("latin-1"))
    with pytest.raises(Misconfigured, match=r"line 2, column device_id is not UTF-8 .* save the file as UTF-8"):
        read_recordings([path])


@pytest.mark.parametrize(
    "date", ["1900-01-01T00:00:00Z", "9999-12-31T23:59:00-05:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
)
def test_a_date_that_nothing_can_carry_is_refused_by_line(tmp_path: Path, date: str) -> None:
    at = times()
    at[-1] = date
    with pytest.raises(
        Misconfigured, match=rf"line {MINUTES + 1}, column observed_at: .* event time lies between 1970-01-01"
    ):
        read_recordings([ward(tmp_path / "a.csv", HEART, BREATH, at)])


@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S.000000+0000", "%Y%m%dT%H%M%SZ"]
)
def test_a_time_may_be_written_as_data_bases_write_it(tmp_path: Path, form: str) -> None:
    assert_same(one(ward(tmp_path / "a.csv", HEART, BREATH, times(form))), one(ward(tmp_path / "b.csv", HEART, BREATH)))


def parquet(path: Path, part: slice, device: str | None = "bed-1") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    at = pa.array([START + timedelta(minutes=index) for index in range(MINUTES)][part], pa.timestamp("us", "UTC"))
    columns = {"observed_at": at, "heart_rate_bpm": HEART[part], "resp_rate_bpm": BREATH[part]}
    names = {} if device is None else {"device_id": [device] * len(at)}
    pq.write_table(pa.table({**names, **columns}), path)


def test_a_folder_that_spark_wrote_is_one_table(tmp_path: Path) -> None:
    whole = one(ward(tmp_path / "a.csv", HEART, BREATH))
    folder = tmp_path / "ward.parquet"
    for number in range(3):  # rows dealt out to the parts in turn, as after a shuffle
        parquet(folder / f"part-0000{number}.snappy.parquet", slice(number, None, 3))
    (folder / "_SUCCESS").touch()
    (folder / ".part-00000.snappy.parquet.crc").write_bytes(b"crc")
    assert_same(one(folder), whole)
    assert not read_sources([folder]).skipped
    parquet(tmp_path / "by-device" / "device_id=Bed%2012" / "part-0.parquet", slice(0, None), device=None)
    partitioned = one(tmp_path / "by-device")
    assert (partitioned.device_id, partitioned.label) == ("bed-12", "Bed 12")
    assert_same(partitioned, whole)


def test_two_files_of_one_device_are_told_the_way_out(tmp_path: Path) -> None:
    for number, part in enumerate((slice(0, 20), slice(20, None))):
        parquet(tmp_path / f"part-{number}.parquet", part)
    with pytest.raises(
        Misconfigured, match=r"the device bed-1 is in two files.* put its parts into one folder and name that"
    ):
        read_recordings([tmp_path / "part-0.parquet", tmp_path / "part-1.parquet"])
    assert one(tmp_path).minutes == MINUTES


@pytest.mark.parametrize(
    ("name", "device_id"), [("ICU_03", "icu-03"), ("Bed-12", "bed-12"), ("bed 4", "bed-4"), ("床5", "u5e8a-5")]
)
def test_devices_may_be_called_as_hospitals_call_them(tmp_path: Path, name: str, device_id: str) -> None:
    recording = one(ward(tmp_path / "a.csv", HEART, BREATH, device=name))
    assert (recording.device_id, recording.label) == (device_id, name)


def test_a_number_written_as_a_float_is_the_devices_number(tmp_path: Path) -> None:
    recording = one(ward(tmp_path / "a.csv", HEART, BREATH, device="12.0"))
    assert (recording.device_id, recording.label) == ("12", None)


def test_what_is_neither_file_nor_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(Misconfigured, match=r"pipe\.csv is neither a file nor a folder"):
        read_recordings([tmp_path / "pipe.csv"])


def test_two_names_that_would_become_one_device_are_refused(tmp_path: Path) -> None:
    ward(tmp_path / "a.csv", HEART, BREATH, device="bed 4")
    ward(
        tmp_path / "b.csv",
        HEART,
        BREATH,
        [when.replace("2150-01-01", "2150-01-02") for when in times()],
        device="Bed_4",
    )
    with pytest.raises(Misconfigured, match="'bed 4' and 'Bed_4' would both be this device"):
        read_recordings([tmp_path / "a.csv", tmp_path / "b.csv"])
    with pytest.raises(Misconfigured, match="two names become this one id"):
        read_recordings([tmp_path])
