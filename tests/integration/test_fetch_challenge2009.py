"""`fedsecure fetch challenge-2009`: from the folders of a server to the very minutes that are read."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from record_server import Library, serving
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from fedsecure.cli import app
from replay.recording import Recording
from replay.sources import read_recordings
from replay.sources.wfdb_numerics import load_wfdb

NAN = np.nan
EVERY_MINUTE, EVERY_SECOND, SIXTY_A_FRAME = "a40439n", "a40006n", "a40282n"
PLACES = {EVERY_MINUTE: "training-set/h1", EVERY_SECOND: "training-set/h2", SIXTY_A_FRAME: "training-set/c1"}


def write(folder: Path, name: str, hertz: float, signals: dict[str, Sequence[float]], in_frame: Sequence[int]) -> None:
    """Write a record with wfdb; of its signals the n-th has `in_frame[n]` samples a frame."""
    folder.mkdir(parents=True, exist_ok=True)
    record = load_wfdb().Record(
        record_name=name, n_sig=len(signals), fs=hertz, sig_len=len(next(iter(signals.values()))) // in_frame[0],
        base_time=time(18, 30, 40), base_date=date(2150, 1, 1),
        file_name=[f"{name}.dat"] * len(signals), fmt=["16"] * len(signals), samps_per_frame=list(in_frame),
        adc_gain=[10.0] * len(signals), baseline=[0] * len(signals), adc_res=[16] * len(signals),
        adc_zero=[0] * len(signals), block_size=[0] * len(signals),
        units=["bpm"] * len(signals), sig_name=list(signals),
        e_p_signal=[np.array(values, dtype=np.float64) for values in signals.values()],
    )  # fmt: skip
    record.e_d_signal = record.adc(expanded=True)
    record.init_value = [int(values[0]) for values in record.e_d_signal]
    record.checksum = record.calc_checksum(expanded=True)
    record.wrsamp(write_dir=str(folder), expanded=True)


# Two seconds that a patient may have among six that are zero, a code, or beyond what anyone has.
HEART_S = [80.0, 0.0, 82.0, 84.0, -1.0, 301.0, 81.0, 83.0, 19.9, 82.0]
BREATH_S = [15.0, 16.0, 0.0, 17.0, -1.0, 101.0, 2.9, 16.0, 14.0, 18.0]


def place_all(root: Path, places: dict[str, str]) -> None:
    write(
        root / places[EVERY_MINUTE], EVERY_MINUTE, 1 / 60,
        {"HR": [80.1, 0, 24.3, -1, 82], "ABPMean": [70, 71, 72, 0, 0], "RESP": [15, 2.4, 0, 16.6, 101.5]}, (1, 1, 1),
    )  # fmt: skip
    mostly_zero = [80.0, 82.0] * 15 + [0.0] * 30
    too_few = [80.0, 82.0] * 14 + [-1.0] * 32
    write(
        root / places[EVERY_SECOND], EVERY_SECOND, 1.0,
        {"RESP": BREATH_S * 18, "HR": [*HEART_S * 6, *mostly_zero, *too_few]}, (1, 1),
    )  # fmt: skip
    write(
        root / places[SIXTY_A_FRAME], SIXTY_A_FRAME, 1 / 60,
        {"HR": [*HEART_S * 6, *mostly_zero], "RESP": [15.3, 0.0], "PULSE": [*[70.0] * 45, *[0.0] * 15, *[0.0] * 60]},
        (60, 1, 60),
    )  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """The challenge's folders: lists that name folders, groups in a training set, waveforms beside numerics, test sets."""
    root = tmp_path / "server"
    place_all(root, PLACES)
    with serving(root) as library:
        library.write("RECORDS", "test-set-a/101an\ntraining-set/\n")
        library.write("training-set/RECORDS", "h1/\nh2/\nc1/a40282n\nc2/\n")
        library.write("training-set/h1/RECORDS", "a40439\na40439n\n")
        library.write("training-set/h2/RECORDS", "a40006n\n")
        yield library


def run(library: Library, out: Path, *arguments: str) -> Any:
    command = ["fetch", "challenge-2009", "--out", str(out), "--base-url", library.url, *arguments]
    return CliRunner().invoke(app, command)


def devices(out: Path) -> dict[str, Recording]:
    return {recording.device_id: recording for recording in read_recordings([out])}


def test_the_minutes_of_every_sampling_are_exactly_those_of_the_monitor(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines = run(library, out).stdout.splitlines()
    assert lines[0] == f"3 records of 3 patients, all that the server has (not 60) in {out}, 3 of them new (0.0 MB)"
    assert lines[1] == "checked: every signal against its header, 0 of 6 files by SHA-256"
    read = devices(out)
    assert sorted(read) == ["a40006", "a40282", "a40439"]
    assert all(f"{from_event_minute(r.first_event_minute):%F %R}" == "2150-01-01 18:30" for r in read.values())
    assert all(recording.resolution_bpm == 0.1 for recording in read.values())

    as_it_is = read["a40439"]  # a value a minute stays, odd as it may be; zero and below are missing
    np.testing.assert_array_equal(as_it_is.heart_rate_bpm, [80.1, NAN, 24.3, NAN, 82])
    np.testing.assert_array_equal(as_it_is.resp_rate_bpm, [15, 2.4, NAN, 16.6, 101.5])

    seconds = read["a40006"]
    np.testing.assert_array_equal(seconds.heart_rate_bpm, [82, 81, NAN])
    np.testing.assert_array_equal(seconds.resp_rate_bpm, [16, 16, 16])

    frames = read["a40282"]
    np.testing.assert_array_equal(frames.heart_rate_bpm, [82, 81])
    np.testing.assert_array_equal(frames.resp_rate_bpm, [15.3, NAN])
    assert frames.pulse_bpm is not None
    np.testing.assert_array_equal(frames.pulse_bpm, [70, NAN])


def test_groups_and_names_fetch_only_what_they_say(library: Library, tmp_path: Path) -> None:
    run(library, tmp_path / "h", "--groups", "h1,H2")
    assert (tmp_path / "h" / "RECORDS-numerics").read_text() == "training-set/h1/a40439n\ntraining-set/h2/a40006n\n"
    assert not any("c1" in request for request in library.requests)
    library.requests.clear()
    result = run(library, tmp_path / "n", "--records", "a40282", "--records", "a40439n")
    assert result.stdout.startswith("2 records of 2 patients in")
    assert sorted(devices(tmp_path / "n")) == ["a40282", "a40439"]
    assert not any("a40006" in request for request in library.requests)


def test_a_folder_a_record_is_a_layout_too(tmp_path: Path) -> None:
    root = tmp_path / "server"
    place_all(root, {name: name[:-1] for name in PLACES})
    for name in PLACES:
        (root / name[:-1] / "RECORDS").write_text(f"{name[:-1]}\n")  # numerics lie beside the waveforms they belong to
    with serving(root) as library:
        assert "3 of them new" in run(library, tmp_path / "out").stdout
        assert sorted(devices(tmp_path / "out")) == ["a40006", "a40282", "a40439"]
        assert "2 of them new" in run(library, tmp_path / "two", "--records", "a40439,a40006").stdout


def test_what_is_whole_is_kept_and_what_is_damaged_comes_again(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(library, out)
    assert "none of them new" in run(library, out).stdout
    frames = out / "training-set/c1/a40282n.dat"
    whole = frames.read_bytes()
    frames.write_bytes(
        whole[:-1] + bytes([whole[-1] ^ 1])
    )  # in a frame of many samples the header's checksum tells it too
    library.requests.clear()
    assert "1 of them new" in run(library, out).stdout
    assert frames.read_bytes() == whole
    assert not any("a40439n." in request for request in library.requests)


def test_a_wrong_choice_or_address_is_told(library: Library, tmp_path: Path) -> None:
    for arguments, words in (
        (["--groups", "h3"], "there is no group h3; --groups takes some of h1, h2, c1, c2"),
        (["--groups", "h1", "--records", "a40439"], "give one of them"),
        (["--records", "a40439,a49999"], "does not list a49999"),
        (["--records", "a49999"], "--base-url names a folder with training-set/"),
        (["--base-url", f"{library.url}/elsewhere"], "no list of http"),
    ):
        error = run(library, tmp_path / "out", *arguments).exception
        assert isinstance(error, Misconfigured)
        assert words in str(error)
    library.write("training-set/h1/RECORDS", "../../../etc/a40439n\n")
    error = run(library, tmp_path / "out").exception
    assert isinstance(error, Misconfigured)
    assert "it lists names like training-set/h1/a40439n" in str(error)
    assert not (tmp_path / "out").exists()


@pytest.mark.timeout(60)
def test_ctrl_c_leaves_whole_records_and_the_same_command_goes_on(library: Library, spawn: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    library.faults = {"training-set/h2/a40006n.dat": ["stall"]}
    command = ("fetch", "challenge-2009", "--groups", "h1,h2", "--out", str(out), "--base-url", library.url)
    program = spawn(*command)
    assert library.stalled.wait(30)
    program.send(signal.SIGINT)
    assert program.wait(15) == 130
    assert f"stopped: what is whole is in {out}; the same command goes on from there" in program.log
    assert "Traceback" not in program.log
    assert sorted(devices(out)) == ["a40439"]
    library.go_on.set()
    assert spawn(*command).wait(30) == 0
    assert sorted(devices(out)) == ["a40006", "a40439"]
