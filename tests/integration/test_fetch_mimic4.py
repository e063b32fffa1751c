"""`fedsecure fetch mimic4-waveforms`: tables and the headers that date them, whole and checked, to the very minutes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from record_server import Library, serving
from typer.testing import CliRunner

from contracts.errors import Misconfigured, Unavailable
from contracts.event_time import from_event_minute
from fedsecure.cli import app
from replay.sources import read_sources

FIRST, SECOND, OTHER = (
    f"waves/{record}" for record in ("p100/p10014354/81739927/81739927", "p100/p10014354/90000001/90000001", "p100/p10019003/87033314/87033314")
)  # fmt: skip


def place(root: Path, record: str) -> None:
    """Write a record of three minutes, a value every twenty seconds."""
    path = root / record
    path.parent.mkdir(parents=True)
    path.with_suffix(".hea").write_text(
        f"{path.name}/2 6 62.4725/999.56 187417 10:30:00.000 01/02/2150\n{path.name}_0000 93708\n"
    )
    rows = [f"{20 * step * 999.56:.0f},{80 + step},15" for step in range(9)]
    table = gzip.compress("\n".join(["time,HR [bpm],RR [rpm]", *rows]).encode(), mtime=0)
    path.with_name(f"{path.name}n.csv.gz").write_bytes(table)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    root = tmp_path / "server"
    for record in (FIRST, SECOND, OTHER):
        place(root, record)
    with serving(root) as library:
        library.write("RECORDS", "\n".join([FIRST, SECOND, OTHER]) + "\n")
        yield library


def run(library: Library, out: Path, *arguments: str) -> Any:
    command = ["fetch", "mimic4-waveforms", "--out", str(out), "--base-url", library.url, *arguments]
    return CliRunner().invoke(app, command)


def test_the_first_patients_records_are_fetched_and_read(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines = run(library, out, "--patients", "1").stdout.splitlines()
    assert lines[0].startswith(f"2 records of 1 patients in {out}, 2 of them new")
    assert not any(OTHER in request for request in library.requests)
    run(library, out, "--records", "87033314")
    reading = read_sources([out])
    assert not reading.skipped
    *same_patient, recording = reading.recordings
    assert [each.device_id for each in same_patient] == ["p10014354", "p10014354-2"]
    assert (recording.device_id, f"{from_event_minute(recording.first_event_minute):%F %R}") == (
        "p10019003",
        "2150-02-01 10:30",
    )
    assert recording.heart_rate_bpm.tolist()[:3] == [81, 84, 87]
    assert reading.formats == ("MIMIC-IV waveform numerics",)


def test_a_damaged_table_is_fetched_again_and_what_is_whole_is_not(library: Library, tmp_path: Path) -> None:
    table = f"{OTHER}n.csv.gz"
    library.faults[table] = ["damage"]
    assert run(library, tmp_path / "out", "--records", "87033314").exit_code == 0
    assert library.requests.count(table) == 2
    run(library, tmp_path / "out", "--records", "87033314")
    assert library.requests.count(table) == 2


def test_a_table_that_is_damaged_twice_is_left_out_and_said(library: Library, tmp_path: Path) -> None:
    library.faults[f"{OTHER}n.csv.gz"] = ["damage", "damage"]
    refused = run(library, tmp_path / "out").exception
    assert isinstance(refused, Unavailable)
    assert "87033314n.csv.gz is damaged" in str(refused)
    assert not (tmp_path / "out" / f"{OTHER}.hea").exists()


def test_a_name_that_is_not_listed_is_refused(library: Library, tmp_path: Path) -> None:
    refused = run(library, tmp_path / "out", "--records", "1").exception
    assert isinstance(refused, Misconfigured)
    assert "does not list 1" in str(refused)
