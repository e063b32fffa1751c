"""`fedsecure evaluate --quick` end to end on a few short stays, in a process of its own, as it runs TensorFlow on one thread."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contracts.event_time import from_event_minute
from experiments.common.injection import core_cases
from replay.recording import Recording
from replay.sources.synthetic import synthetic_cohort

# Twice in one process, as TensorFlow takes longest to start: the second time what was judged is missing, what was measured is not.
TWICE = """
import sys
from pathlib import Path
from fedsecure.cli import app
out, call = Path(sys.argv[1]), sys.argv[2:]
app(call, standalone_mode=False)
(out / "first.json").write_bytes((out / "results.json").read_bytes())
for stage in (out / "work").glob("run-*"):
    stage.unlink()
measured = {path.name: path.stat().st_mtime_ns for path in (out / "work").iterdir()}
app(call, standalone_mode=False)
assert measured.items() <= {path.name: path.stat().st_mtime_ns for path in (out / "work").iterdir()}.items()
"""
PATIENTS = 6
OWN = '''
def alter(span, amounts, generator):
    """Ten beats more."""
    return span.heart_rate_bpm + 10, span.resp_rate_bpm
'''


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of CSV files of two days each, with an own attack and the time of an episode."""
    folder = tmp_path_factory.mktemp("data") / "ward"
    folder.mkdir()
    stays = synthetic_cohort(41, PATIENTS, 2900, resolution_bpm=0.1)
    for one in stays:
        write(folder, one)
    at = from_event_minute(stays[0].first_event_minute + 2000)
    (folder / "forecast_times.csv").write_text(f"device_id,t0\n{stays[0].device_id},{at:%Y-%m-%dT%H:%M:%SZ}\n")
    (folder / "mine.py").write_text(OWN)
    return folder


def write(folder: Path, one: Recording) -> None:
    lines = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm"]
    for minute, (heart, breath) in enumerate(zip(one.heart_rate_bpm, one.resp_rate_bpm, strict=True)):
        at = from_event_minute(one.first_event_minute + minute)
        values = ",".join("" if np.isnan(value) else f"{value:.1f}" for value in (heart, breath))
        lines.append(f"{one.device_id},{at:%Y-%m-%dT%H:%M:%SZ},{values}")
    (folder / f"{one.device_id}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, ward: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("made") / "evaluation"
    given = ["--recordings", str(ward), "--attack", f"{ward / 'mine.py'}:alter", "--simulated", "2", "--folds", "3"]
    call = ["evaluate", *given, "--quick", "--processes", "1", "--out", str(out)]
    command = [sys.executable, "-W", "error", "-c", TWICE, str(out), *call]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture(scope="module")
def document(made) -> dict:
    return json.loads((made[0] / "results.json").read_bytes())


def test_it_writes_results_tables_pictures_and_a_page_and_says_the_headline(made):
    out, done = made
    written = {path.name for path in out.iterdir()}
    assert {
        "results.json",
        "summary.md",
        "report.html",
        "goals.csv",
        "attacks.csv",
        "days.csv",
        "detectors.csv",
    } <= written
    assert {"detection.svg", "attacks.svg", "days.svg"} <= written
    assert f"On {PATIENTS} real patients, each judged by what others taught" in done.stdout
    assert "Traceback" not in done.stderr


def test_judging_again_what_is_measured_gives_the_same_results(made, document):
    assert json.loads((made[0] / "first.json").read_bytes()) == document


def test_everybody_is_judged_and_every_attack_is_tried_at_every_onset(document):
    assert (document["data"]["given"], document["data"]["judged"]) == (PATIENTS, PATIENTS)
    assert document["data"]["is_real"]
    rows = {(row["attack"], row["level"]): row for row in document["attacks"]}
    assert rows.keys() == {*core_cases(), ("mine.py:alter", "strong")}
    assert all(row["onsets"] == document["data"]["onsets_a_seed"] > PATIENTS for row in rows.values())
    assert not rows["mine.py:alter", "strong"]["learnt"]
    assert document["core"]["strong_2h"]["value"] > 0.5
    assert document["episodes"]["judged"] == 1
    assert sum(document["clean"]["states"].values()) == pytest.approx(1, abs=1e-3)


def test_goals_are_told_met_or_not_and_what_was_not_measured(document, made):
    goals = {goal["name"]: goal for goal in document["goals"]}
    strong = goals["five core attacks, strong, within 2 h"]
    assert strong["met"] == (strong["value"] >= 0.99)
    assert goals["what the Bi-LSTM adds, medium, within 12 h"]["met"] is None
    rows = list(csv.DictReader((made[0] / "goals.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == list(goals)


def test_a_patients_vital_signs_are_in_the_report_alone(made, document, ward):
    page = (made[0] / "report.html").read_text()
    shown = set(re.findall(r'id="strip-(\d+)-', page))
    assert len(shown) > 0
    assert {event["device"] for event in document["exclusions"]} <= {path.stem for path in ward.glob("*.csv")}
    assert all("strip" not in (made[0] / name).read_text() for name in ("summary.md", "days.svg", "detection.svg"))
    assert all(str(ward.parent) not in (made[0] / name).read_text() for name in ("summary.md", "results.json"))
