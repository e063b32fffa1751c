"""WFDB numerics are read as monitors wrote them; anything else is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wfdb_records import FILES, FIRST, stays, write_record

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from replay.sources import read_recordings
from replay.sources.wfdb_numerics import read_wfdb_numerics


def test_a_record_is_read_to_the_value(tmp_path: Path) -> None:
    for name, stay in zip(FILES, stays(), strict=True):
        recording = read_wfdb_numerics(write_record(tmp_path / f"{Path(name).name}.hea", stay))
        assert (recording.device_id, recording.first_event_minute) == (stay.device_id, stay.first_event_minute)
        assert (recording.minutes, recording.resolution_bpm) == (stay.minutes, 0.1)
        for channel, values in stay.channels().items():
            np.testing.assert_array_equal(recording.channels()[channel], values)


def test_zero_is_missing(tmp_path: Path) -> None:
    recording = read_wfdb_numerics(write_record(tmp_path / "p000020n.hea", stays()[0]))
    assert np.isnan(recording.resp_rate_bpm[100:130]).all()
    assert not any((values == 0).any() for values in recording.channels().values())


def test_a_record_is_named_with_or_without_its_suffix(tmp_path: Path) -> None:
    header = write_record(tmp_path / f"{Path(FIRST).name}.hea", stays()[0])
    by_header, by_name = read_wfdb_numerics(header), read_wfdb_numerics(header.with_suffix(""))
    assert by_header.device_id == by_name.device_id
    np.testing.assert_array_equal(by_header.heart_rate_bpm, by_name.heart_rate_bpm)


def write(
    folder: Path, *, name: str = "P7-x", signals: tuple[str, ...] = ("HR", "RESP"), minutes: int = 5,
    per_minute: int = 1, gain: int = 10, start: str = " 10:30:59 01/01/2150",
) -> Path:  # fmt: skip
    header = [f"{name} {len(signals)} {per_minute / 60:.10f} {minutes * per_minute}{start}"]
    header += [f"{name}.dat 16 {gain}/bpm 16 0 0 0 0 {signal}" for signal in signals]
    (folder / f"{name}.hea").write_text("\n".join(header) + "\n")
    values = np.repeat(gain * np.arange(60, 60 + minutes * per_minute), len(signals))
    values[0] = 0
    (folder / f"{name}.dat").write_bytes(values.astype("<i2").tobytes())
    return folder / f"{name}.hea"


def test_a_record_of_another_hospital_is_read(tmp_path: Path) -> None:
    (recording,) = read_recordings([write(tmp_path, gain=1)])
    assert (recording.device_id, recording.resolution_bpm, recording.pulse_bpm) == ("p7", 1.0, None)
    np.testing.assert_array_equal(recording.heart_rate_bpm, [np.nan, 61, 62, 63, 64])
    assert f"{from_event_minute(recording.first_event_minute):%F %R}" == "2150-01-01 10:30"


def test_a_record_of_one_value_a_second_becomes_minute_averages(tmp_path: Path) -> None:
    (recording,) = read_recordings([write(tmp_path, per_minute=60, minutes=2)])
    assert (recording.minutes, recording.resolution_bpm) == (2, 0.1)
    assert recording.heart_rate_bpm.tolist() == [90.0, 149.5]  # of 61..119, and of 120..179
    np.testing.assert_array_equal(recording.resp_rate_bpm, [80.0, np.nan])  # above 100 is no respiratory rate


def test_whole_numbers_under_a_finer_gain_are_a_whole_number_device(tmp_path: Path) -> None:
    assert read_wfdb_numerics(write(tmp_path, gain=10)).resolution_bpm == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"minutes": 1}, "1 minute long"),
        ({"signals": ("HR", "SpO2")}, ": no RESP; its signals: HR, SpO2"),
        ({"signals": ("ABP",)}, "no HR and no RESP"),
        ({"per_minute": 7500}, "7500 values a minute; numerics have one a minute or one a second"),
        ({"start": ""}, "no base date"),
        ({"start": " 10:30:00 31/12/1969"}, "its times cannot be used; event time lies between 1970-01-01"),
        (
            {"start": " 01-Jan-2150 10:30:00"},
            "its base time and date, '01-Jan-2150 10:30:00', cannot be read; WFDB writes",
        ),
        ({"start": " 2150-01-01 10:30:00"}, "its base time and date, '2150-01-01 10:30:00', cannot be read"),
        ({"start": " 10:30:00 01/01/2150 UTC"}, "its base time and date, .* cannot be read"),
        ({"gain": 0}, "its signal HR has a gain of 0, so it was never calibrated"),
    ],
)
def test_a_record_that_cannot_be_streamed_is_refused(tmp_path: Path, options: dict[str, object], words: str) -> None:
    path = write(tmp_path, **options)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match=words):
        read_wfdb_numerics(path)


def test_a_header_without_its_signal_file_is_refused(tmp_path: Path) -> None:
    header = write_record(tmp_path / "p000020n.hea", stays()[0], signals="3544749n.dat")
    (tmp_path / "3544749n.dat").unlink()
    with pytest.raises(Misconfigured, match=r"not beside it: .*3544749n.dat"):
        read_wfdb_numerics(header)


def test_a_cut_signal_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    signal = path.with_suffix(".dat")
    signal.write_bytes(signal.read_bytes()[:-6])
    with pytest.raises(Misconfigured, match="not a readable WFDB record"):
        read_wfdb_numerics(path)


def test_a_header_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p1.hea").write_text("hello\n")
    with pytest.raises(Misconfigured, match="p1"):
        read_wfdb_numerics(tmp_path / "p1.hea")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vitals.xlsx", r"\.xlsx files are not read; `fedsecure inspect` lists the formats"),
        ("3544749n.dat", "name the record's header"),
        ("nothing-here", "no WFDB header .*nothing-here.hea"),
        ("", "is a folder without recordings; name its files"),
    ],
)
def test_a_file_that_is_not_read_is_told_what_is(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        read_recordings([tmp_path / name])


def test_one_device_in_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="p7 is in two files"):
        read_recordings([write(tmp_path), write(tmp_path, name="p7-y")])
