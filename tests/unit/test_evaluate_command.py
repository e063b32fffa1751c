"""`fedsecure evaluate` end to end in a process of its own, with a bundle of random weights; the work is made tiny."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from random_bundle import random_bundle
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from detectors.bundle import Bundle, save_bundle
from fedsecure.cli import app
from fedsecure.report.evaluation import short_files
from replay.sources.synthetic import synthetic_recording

TINY = (
    "import sys, experiments.grid_protocol as protocols\n"
    "if __name__ == '__main__':\n"
    "    protocols.FULL = protocols.Protocol(cohort_seeds=1, attacked_tenths=1, attacked_whole=1, clean_each=2, clean_days=2,\n"
    "        ill_each=2, ill_days=2, fresh_devices=2, fresh_seed=777000555, fitted_devices=2, training_seeds=1, draws=20)\n"
    "    import experiments.attack_grid_judged as judged\n"
    "    whole = judged.learnt_ablations\n"
    "    judged.learnt_ablations = lambda lesson: whole(lesson)[3:5]\n"
    "    from fedsecure.cli import main\n"
    "    sys.argv = ['fedsecure', 'evaluate', *sys.argv[1:]]\n"
    "    main()\n"
)
EFFORT = {
    "autoencoder_patients": 2, "autoencoder_epochs": 1, "attacked_patients": 1, "distortions_per_patient": 2,
    "network_epochs": 1, "clean_stride": 12, "canary_windows": 8, "processes": 1,
}  # fmt: skip
DATA = {"source": "synthetic"} | {name: {"patients": 4, "days": 2} for name in ("reference", "calibration", "test")}
ATTACKS = ("motif", "dropout", "own.py:alter")


def run(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    script = folder / "tiny.py"
    script.write_text(TINY)
    command = [sys.executable, "-W", "error", str(script), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=560, cwd=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose card says how it was trained, an own attack, a recording and a plan for it."""
    folder = tmp_path_factory.mktemp("evaluate")
    made = random_bundle(4, threshold=0.5)
    (folder / "bundle").mkdir()
    card = {"seed": 3, "effort": EFFORT, "data": DATA}
    save_bundle(Bundle(made.autoencoder, made.blind_spot, made.knowledge, card, made.canary), folder / "bundle")
    (folder / "own.py").write_text(
        "def alter(span, amounts, generator):\n    return span.heart_rate_bpm * 0 + 150, span.resp_rate_bpm\n"
    )
    one = synthetic_recording(4, 1, 1100)
    lines = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm"]
    for minute, (heart, breath) in enumerate(zip(one.heart_rate_bpm, one.resp_rate_bpm, strict=True)):
        values = ",".join("" if np.isnan(value) else f"{value:g}" for value in (heart, breath))
        lines.append(f"bed-1,2150-01-{5 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z,{values}")
    (folder / "ward.csv").write_text("\n".join(lines) + "\n")
    (folder / "plan.yaml").write_text("- {attack: motif, device: bed-1, onset: 800, level: strong}\n")
    return folder


@pytest.fixture(scope="module")
def arguments() -> tuple[str, ...]:
    attacks = tuple(word for name in ATTACKS for word in ("--attack", name))
    own = ("--recordings", "ward.csv", "--attack-plan", "plan.yaml")
    return ("--out", "deep/out", "--bundle", "bundle", "--processes", "1", *attacks, *own)


@pytest.fixture(scope="module")
def made(folder: Path, arguments: tuple[str, ...]) -> tuple[Path, subprocess.CompletedProcess[str]]:
    return folder / "deep" / "out", run(folder, *arguments)


@pytest.mark.timeout(1200)
def test_it_writes_every_file_and_says_which_goals_are_missed(made):
    out, done = made
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        "report.html", "results.json", "summary.md", "detection.svg", "goals.csv", "grid.csv", "false_exclusions.csv", "deterioration.csv", "detectors.csv",
        "real_clean.csv", "real_attacked.csv", "own_clean.csv", "own_attacked.csv", "own_planned.csv", "work",
    }  # fmt: skip
    assert "goals that were measured are met" in done.stdout
    assert "own recordings: 1 recordings judged" in done.stderr
    assert "leave one out: 1 judged" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_document_has_every_section(made):
    document = json.loads((made[0] / "results.json").read_bytes())
    assert document["trained_with"]["seed"] == 3
    assert {one["monitor"] for one in document["cells"]} == {"tenths", "whole", "both"}
    assert {(one["attack"], one["level"]) for one in document["cells"]} >= {
        ("motif", "subtle"),
        ("own.py:alter", "strong"),
    }
    assert {one["enrolment_min"] for one in document["cells"]} == {600, 1440}
    assert {one["detector"] for one in document["leave_one_out"]} == {"motif"}
    assert document["never_learnt"] == ["dropout", "own.py:alter"]
    assert {one["detector"] for one in document["ablations"]} >= {"without the own enrolment", "without distortions"}
    assert {one["detector"] for one in document["baselines"]} >= {"the paper's rule (Fig. 3)", "HBOS (PyOD)"}
    assert {one["detector"] for one in document["training_seeds"]} == {"seed 3"}
    assert [one["fleet"] for one in document["false_exclusions"]].count("untouched, tenths") == 1
    assert {one["device_id"] for one in document["real"]["clean"]} == {"p000020", "s00001"}
    assert [one["device_id"] for one in document["own"]["planned"]] == ["bed-1"]
    assert [one["name"] for one in document["goals"]] == [
        row["name"] for row in csv.DictReader((made[0] / "goals.csv").read_text().splitlines())
    ]


def test_summary_and_picture_say_what_the_document_says(made):
    document = json.loads((made[0] / "results.json").read_bytes())
    for name, text in short_files(document).items():
        assert (made[0] / name).read_text() == text
    assert "own.py:alter" in (made[0] / "summary.md").read_text()


def test_the_page_needs_nothing_else(made):
    page = (made[0] / "report.html").read_text()
    assert page.count("<svg ") == page.count("</svg>") >= 8
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*|url\((?!#)[^)]*|@import|<script', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.timeout(1200)
def test_a_finished_stage_is_kept_and_another_question_starts_anew(made, folder, arguments):
    out, _ = made
    before = (out / "results.json").read_bytes()
    kept = {path: path.stat().st_mtime_ns for path in (out / "work").glob("*.npz")}
    lost = next(path for path in kept if "ablations" in path.name)
    lost.unlink()
    again = run(folder, *arguments)
    assert again.returncode == 0, again.stderr
    assert (out / "results.json").read_bytes() == before
    assert lost.is_file()
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items() if path != lost)


def test_wrong_calls_say_what_is_wrong(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def refused(*args: object) -> str:
        found = CliRunner().invoke(app, ["evaluate", *map(str, args)]).exception
        assert isinstance(found, Misconfigured)
        return str(found)

    assert "600 or 1440" in refused("--out", "x", "--enrolment", 900)
    assert "there is no attack 'motiv'" in refused("--out", "x", "--bundle", "bundle", "--attack", "motiv")
    assert "name them with --recordings" in refused("--out", "x", "--bundle", "bundle", "--attack-plan", "plan.yaml")
    (folder / "elsewhere.yaml").write_text("- {attack: motif, device: bed-9, onset: 800}\n")
    assert "bed-9" in refused(
        "--out", "x", "--bundle", "bundle", "--recordings", "ward.csv", "--attack-plan", "elsewhere.yaml"
    )
    (folder / "file").touch()
    (folder / "unsigned").mkdir()
    save_bundle(random_bundle(4), folder / "unsigned")
    assert "which synthetic patients" in refused("--out", "x", "--bundle", "unsigned")


def test_a_bundle_trained_on_a_test_patient_is_refused(folder, tmp_path, monkeypatch):
    from experiments import grid_cohorts  # noqa: PLC0415

    monkeypatch.setattr(grid_cohorts, "_FIRST", {"attacked": 0, "clean": 200, "ill": 300})
    out = CliRunner().invoke(
        app, ["evaluate", "--out", str(tmp_path / "x"), "--bundle", str(folder / "bundle"), "--seed", "3"]
    )
    assert isinstance(out.exception, Misconfigured)
    assert "training's reference cohort and in the evaluation's attacked cohort" in str(out.exception)
