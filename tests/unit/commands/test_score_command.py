from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from lives import calm
from plain_detector import level_model
from typer.testing import CliRunner

import detectors
from contracts.errors import Misconfigured
from contracts.messages.verdicts import RuleName
from fedsecure.cli import app

COLUMNS = "device_id,observed_at,minute,heart_rate_bpm,resp_rate_bpm,reconstruction_error,score,threshold,flagged,state,device_label"


@pytest.fixture(autouse=True)
def fake_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, rule: RuleName, **__: object) -> detectors.Detector:
        return detectors.Detector(level_model("f" * 64, rule=rule))

    monkeypatch.setattr(detectors.Detector, "load", load)


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Two beds: one whose heart races in the end, one that is still enrolling."""
    lines = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm"]
    for device, minutes in (("bed-1", 320), ("bed-2", 70)):
        for minute, beat in enumerate(calm(minutes)):
            heart = "" if minute == 65 else beat + 60 if minute > 220 else beat
            lines.append(f"{device},2180-01-01T{minute // 60:02d}:{minute % 60:02d}:00Z,{heart},15")
    path = tmp_path / "ward.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(*args: object) -> Any:
    return CliRunner().invoke(app, ["score", *map(str, args)])


def test_one_csv_row_a_minute_goes_to_standard_output(ward: Path) -> None:
    result = run(ward, "--enrolment", 120)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert len(rows) == 390
    assert [row["minute"] for row in rows[319:321]] == ["319", "0"]
    assert rows[193]["score"] == rows[193]["reconstruction_error"] == ""
    assert rows[194]["observed_at"] == "2180-01-01T03:14:00Z"
    decided = [place for place, row in enumerate(rows) if row["score"]]
    assert decided == list(range(194, 320, 15))  # a missing minute was filled
    missing = rows[65]
    assert (missing["heart_rate_bpm"], missing["resp_rate_bpm"], missing["score"]) == ("", "15.0", "")
    assert [row["state"] for row in rows[193:196]] == ["enrolling", "benign", "benign"]
    assert (rows[314]["flagged"], rows[200]["flagged"]) == ("true", "false")


def test_the_summary_goes_to_standard_error(ward: Path) -> None:
    result = run(ward, "--enrolment", 120)
    assert "2 devices, 390 minutes" in result.stderr
    assert "minutes/s" in result.stderr
    assert "9 decisions" in result.stderr
    assert "state at the end: 1 quarantined, 1 enrolling" in result.stderr
    assert "never judged, for want of minutes after the enrolment: bed-2" in result.stderr


def test_json_lines_have_null_for_what_is_missing(ward: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.jsonl"
    assert run(ward, "--out", out).stdout == ""
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert list(rows[0]) == COLUMNS.split(",")
    assert rows[65]["heart_rate_bpm"] is None
    assert rows[65]["score"] is None
    assert rows[0]["flagged"] is False
    assert not list(tmp_path.glob("*.partial"))


def test_the_format_can_be_named(ward: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.txt"
    run(ward, "--out", out, "--format", "jsonl")
    assert json.loads(out.read_text().splitlines()[0])["device_id"] == "bed-1"


def test_a_recording_too_short_to_judge_is_named(ward: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("device_id,observed_at,heart_rate_bpm,resp_rate_bpm\nbed-9,2180-01-01T00:00:00Z,80,15\n")
    result = run(ward, short)
    assert result.exit_code == 0
    assert "never judged, for want of minutes after the enrolment: bed-1, bed-2, bed-9" in result.stderr


def test_the_papers_rule_can_be_chosen(ward: Path) -> None:
    usual, papers = (
        list(csv.DictReader(run(ward, "--rule", rule, "--enrolment", 120).stdout.splitlines()))
        for rule in ("common-scale", "paper-fig3")
    )
    assert (usual[200]["threshold"], papers[200]["threshold"]) == ("2.0", "0.84")
    assert "'--rule'" in run(ward, "--rule", "fig3").stderr


def test_wrong_calls_say_what_is_wrong(ward: Path, tmp_path: Path) -> None:
    result = run(ward, "--out", tmp_path / "nowhere" / "x.csv")
    assert isinstance(result.exception, Misconfigured)
    assert "there is no folder" in str(result.exception)
    assert isinstance(run(tmp_path / "absent.csv").exception, Misconfigured)
    assert run(ward, "--enrolment", 60).exit_code == 2
    assert run().exit_code == 2


def test_values_every_five_minutes_are_not_judged_and_it_says_so(tmp_path: Path) -> None:
    lines = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm"]
    for minute, beat in enumerate(calm(1200)):
        if minute % 5 == 0:
            lines.append(f"bed-1,2180-01-{1 + minute // 1440:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z,{beat},15")
    ward = tmp_path / "five.csv"
    ward.write_text("\n".join(lines) + "\n")
    result = run(ward, "--enrolment", 120)
    assert "0 decisions" in result.stderr
    assert "state at the end: 1 unscored" in result.stderr
    reason = "values come every 5 minutes: a value a minute is needed to judge"
    assert f"not judged at the end: bed-1 ({reason})" in result.stderr
    states = [row["state"] for row in csv.DictReader(result.stdout.splitlines())]
    assert set(states) == {"enrolling", "unscored"}
