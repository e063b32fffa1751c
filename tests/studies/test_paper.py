"""`fedsecure paper --quick` in a process of its own, as it runs TensorFlow on one thread; the work is made tiny."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from experiments.paper.inputs import CASES
from experiments.paper.results import EVALUATIONS
from fedsecure.cli import app
from replay.sources.synthetic import synthetic_recording

pytestmark = pytest.mark.e2e

# Twice in one process, as TensorFlow takes longest to start: the second time one stage is missing.
TINY = """
import sys
from pathlib import Path
import experiments.paper.patients as plans
from fedsecure.cli import app
plans.QUICK = plans.PaperPlan(minutes=5 * 320, autoencoder_epochs=1, classifier_epochs=1)
out = Path(sys.argv[1])
call = ["paper", "--out", str(out), "--quick", "--seed", "3", "--recordings", sys.argv[2]]
app(call, standalone_mode=False)
(out / "first.json").write_bytes((out / "results.json").read_bytes())
(out / "stages" / "without-bed-1.npz").unlink()
print("AGAIN", file=sys.stderr)
app(call, standalone_mode=False)
"""


@pytest.fixture(scope="module")
def vitals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients' minutes as a CSV: fewer than five, so that fewer networks are trained."""
    path = tmp_path_factory.mktemp("vitals") / "two.csv"
    lines = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm"]
    for index in range(2):
        one = synthetic_recording(4, index, 330)
        for minute, (heart, breath) in enumerate(zip(one.heart_rate_bpm, one.resp_rate_bpm, strict=True)):
            values = ",".join("" if np.isnan(value) else f"{value:g}" for value in (heart, breath))
            lines.append(f"bed-{index},2150-01-05T{8 + minute // 60:02d}:{minute % 60:02d}:00Z,{values}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, vitals: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("made") / "deep" / "paper"
    command = [sys.executable, "-W", "error", "-c", TINY, str(out), str(vitals)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    return out, done


def test_quick_writes_results_and_a_page_and_tells_every_difference(made):
    out, done = made
    written = ["first.json", "report.html", "results.csv", "results.json", "stages"]
    assert sorted(path.name for path in out.iterdir()) == written
    assert "Table I: five-fold cross-validation of the DNN. The paper's labels are a threshold" in done.stdout
    assert "A quick run" in done.stdout
    assert "without bed-1: done" in done.stderr
    assert "Traceback" not in done.stderr
    assert "WARNING" not in done.stderr


def test_json_and_csv_hold_the_same_measures_with_the_papers_beside(made):
    document = json.loads((made[0] / "results.json").read_bytes())
    assert document["command"] == "fedsecure paper --out DIR --recordings two.csv --seed 3 --quick"
    assert [(one["device_id"], one["minutes"]) for one in document["patients"]] == [("bed-0", 320), ("bed-1", 320)]
    rows = list(csv.DictReader((made[0] / "results.csv").read_text().splitlines()))
    assert [(one["exhibit"], one["subject"], one["measure"]) for one in document["measures"]] == [
        (row["exhibit"], row["subject"], row["measure"]) for row in rows
    ]
    paper = {(row["subject"], row["measure"]): row["paper"] for row in rows if row["exhibit"] == "table_1"}
    assert paper["fold 4", "training_accuracy"] == "0.9982"
    assert {row["subject"] for row in rows if row["exhibit"] == "classifier"} == set(EVALUATIONS)
    thresholds = [
        float(row["value"]) for row in rows if row["measure"] == "threshold" and "paper's rule" in row["subject"]
    ]
    assert len(thresholds) == 2 * len(CASES)
    assert all(0.8 <= threshold <= 0.99 for threshold in thresholds)


def test_the_page_needs_nothing_else(made):
    page = (made[0] / "report.html").read_text()
    assert page.count("<svg ") == page.count("</svg>") == 7
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*|url\((?!#)[^)]*|@import|<script', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_finished_stages_are_kept_and_the_missing_one_gives_the_same_numbers_again(made):
    out, done = made
    first, again = done.stderr.split("AGAIN")
    assert "kept" not in first
    assert "known patients: kept from before" in again
    assert "without bed-1: done" in again
    assert (out / "results.json").read_bytes() == (out / "first.json").read_bytes()


def test_wrong_calls_say_what_is_wrong(tmp_path, vitals):
    def refused(*args: object) -> BaseException | None:
        return CliRunner().invoke(app, ["paper", *map(str, args)]).exception

    (tmp_path / "file").touch()
    assert "choose another --out" in str(refused("--out", tmp_path / "file", "--quick"))
    one_bed = tmp_path / "one.csv"
    one_bed.write_text("\n".join(line for line in vitals.read_text().splitlines() if "bed-1" not in line) + "\n")
    alone = refused("--out", tmp_path / "out", "--quick", "--recordings", one_bed)
    assert isinstance(alone, Misconfigured)
    assert "1 of 1 recordings can be used" in str(alone)
    assert isinstance(refused("--out", tmp_path / "out", "--recordings", tmp_path / "absent.csv"), Misconfigured)
