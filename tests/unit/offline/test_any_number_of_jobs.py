"""Whatever the number of worker processes, the rows are the same; Ctrl-C, a mistake or a full disk leave nothing behind."""

from __future__ import annotations

import csv
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.errors import FedSecureError, Misconfigured
from fedsecure.cli import app
from fedsecure.offline import judging, run
from replay.sources.parts import devices_a_part
from replay.sources.tables import row_store

START = datetime(2180, 1, 1, tzinfo=UTC)


def ward(path: Path, devices: int, minutes: int, first: int = 0) -> Path:
    rows = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm,pulse_bpm"]
    for minute in range(minutes):
        at = f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%MZ}"
        for device in range(first, first + devices):
            beat = 80 + (7 * minute + device) * 13 % 11 / 10 + 50 * (device == 1 and minute > 150)
            rows.append(f"Bed {device},{at},{beat},{15 + (minute + device) % 5},{beat if device % 2 else ''}")
    path.write_text("\n".join(rows) + "\n")
    return path


def score(*words: object) -> Any:
    return CliRunner().invoke(app, ["score", "--enrolment=120", *map(str, words)])


@pytest.fixture
def little_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a short recording is worth a process, and too long for memory."""
    monkeypatch.setattr(run, "WORTH_A_PROCESS_MIN", 1)
    monkeypatch.setattr("replay.sources.parts.MOST_ROWS_IN_MEMORY", 0)
    monkeypatch.setattr(row_store, "FEWEST_ROWS_A_RUN", 500)


def test_jobs_and_files_for_what_is_long_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = ward(tmp_path / "ward.csv", 9, 260)
    short = ward(tmp_path / "short.csv", 1, 3, first=100)
    here = score(table, short, "--out", tmp_path / "here.csv")
    assert here.exit_code == 0
    monkeypatch.setattr(judging, "MOST_MINUTES_IN_MEMORY", 300)
    monkeypatch.setattr("detectors.detector.MINUTES_AT_ONCE", 100)
    assert score(table, short, "--out", tmp_path / "kept.csv").exit_code == 0
    monkeypatch.setattr(run, "WORTH_A_PROCESS_MIN", 1)
    monkeypatch.setattr("replay.sources.parts.MOST_ROWS_IN_MEMORY", 0)
    monkeypatch.setattr(row_store, "FEWEST_ROWS_A_RUN", 500)
    jobs = [score(table, short, "--out", tmp_path / f"jobs{count}.csv", "--jobs", count) for count in (1, 3)]
    rows = list(csv.DictReader((tmp_path / "here.csv").read_text().splitlines()))
    assert list(dict.fromkeys(row["device_id"] for row in rows)) == [f"bed-{device}" for device in [*range(9), 100]]
    assert "true" in {row["flagged"] for row in rows}
    written = {(tmp_path / f"{name}.csv").read_bytes() for name in ("here", "kept", "jobs1", "jobs3")}
    assert len(written) == 1
    assert [said.stderr.partition(" in ")[0] for said in (here, *jobs)] == ["10 devices, 2,343 minutes"] * 3
    assert [said.stderr.partition("decisions")[2] for said in jobs] == [here.stderr.partition("decisions")[2]] * 2
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".csv"]


def test_a_mistake_found_in_a_worker_leaves_nothing(little_is_much: None, tmp_path: Path) -> None:
    table = ward(tmp_path / "ward.csv", 2, 5)
    cut = tmp_path / "cut.hea"
    cut.write_text(
        "p1 2 0.0166666 99 10:30:00 01/01/2150\np1.dat 16 10/bpm 16 0 0 0 0 HR\np1.dat 16 10/pm 16 0 0 0 0 RESP\n"
    )
    for files, words in (((table, cut), "its signal file is not beside it"), ((table, table), "bed-0 is in two files")):
        ended = score(*files, "--out", tmp_path / "scores.csv", "--jobs", 2)
        assert isinstance(ended.exception, Misconfigured)
        assert words in str(ended.exception)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.hea", "ward.csv"]


def test_a_device_that_cannot_be_used_is_said_once_and_not_all_may_be_so(
    little_is_much: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = ward(tmp_path / "ward.csv", 2, 5)
    with table.open("a") as file:
        file.write("bed-9,2180-01-01T00:00Z,1.3,15,\n")
    ended = score(table, "--jobs", 2)
    assert ended.exit_code == 0
    assert caplog.messages[0].startswith("skipped 1 of 3 recordings: heart rate is not in beats per minute")
    table.write_text(
        "device_id,observed_at,heart_rate_bpm,resp_rate_bpm\nb,2180-01-01T00:00Z,1.3,15\nc,2180-01-01T00:00Z,1.3,15\n"
    )
    ended = score(table, "--jobs", 2)
    assert f"{table} has no usable recording among 2: heart rate is not in" in str(ended.exception)
    assert ended.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_leaves_nothing(tmp_path: Path, wait_until: Any, number: signal.Signals) -> None:
    table = ward(tmp_path / "ward.csv", 20, 4000)
    out = tmp_path / "scores.csv"
    for is_far in (
        lambda: any(tmp_path.glob(".fedsecure-score-*")),
        lambda: any(tmp_path.glob(".fedsecure-score-*/scores-*")),
    ):
        program = subprocess.Popen(
            [sys.executable, "-m", "fedsecure", "score", str(table), "--out", str(out), "--jobs", "2"],
            stderr=subprocess.PIPE,
        )
        wait_until(is_far, 60, "the work has begun")
        os.kill(program.pid, number)
        said = program.communicate(timeout=60)[1]
        assert (program.returncode, said) == (128 + number, b"")
        assert [path.name for path in tmp_path.iterdir()] == ["ward.csv"]


@pytest.fixture
def files_of_20_kb() -> Iterator[None]:
    """No file may become larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("lies_in_files", ["rows", "channels", "nothing"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, lies_in_files: str
) -> None:
    table = ward(tmp_path / "ward.csv", 3, 400)
    if lies_in_files == "rows":
        monkeypatch.setattr("replay.sources.parts.MOST_ROWS_IN_MEMORY", 0)
        monkeypatch.setattr(row_store, "FEWEST_ROWS_A_RUN", 500)
    if lies_in_files == "channels":
        monkeypatch.setattr(judging, "MOST_MINUTES_IN_MEMORY", 0)
    request.getfixturevalue("files_of_20_kb")
    ended = score(table, "--out", tmp_path / "scores.csv")
    assert "File too large; " in str(ended.exception)
    assert isinstance(ended.exception, FedSecureError)
    assert [path.name for path in tmp_path.iterdir()] == ["ward.csv"]


def test_a_part_is_full_where_every_job_has_some() -> None:
    assert [devices_a_part(1000, jobs) for jobs in (1, 2, 31, 32)] == [32, 32, 16, 16]
    assert [devices_a_part(10, jobs) for jobs in (1, 2, 8)] == [32, 5, 4]
