from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner
from wfdb_records import stays, write_database, write_record

from contracts.errors import Misconfigured
from experiments.cohort.statistics import HOURLY, MINUTE
from fedsecure.cli import app


def run(*args: object) -> Any:
    return CliRunner().invoke(app, ["cohort", *map(str, args)])


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six stays charted hourly, made up, in the form of the CinC 2012 challenge."""
    folder = tmp_path_factory.mktemp("charts")
    for stay in range(6):
        rows = ["Time,Parameter,Value", f"00:00,RecordID,{100 + stay}"]
        for hour in range(40):
            rows += [f"{hour:02d}:10,HR,{70 + stay + hour * 7 % 11}", f"{hour:02d}:10,RespRate,{14 + hour * 5 % 7}"]
        (folder / f"{100 + stay}.txt").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, charts: Path) -> tuple[Path, Any]:
    """Against the charts, and against the two minute records of `wfdb_records`."""
    folder = tmp_path_factory.mktemp("made")
    records = write_database(folder / "records")
    out = folder / "deep" / "cohort"
    return out, run("--out", out, "--quick", "--seed", 5, "--recordings", records, "--recordings", charts)


def test_quick_writes_the_three_files_and_says_what_it_found(made):
    out, result = made
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["cohort.csv", "cohort.json", "report.html"]
    assert "charts0, 6 real against 24 synthetic patients: of 18 distances" in result.stdout
    assert "p000020 is an ordinary member" in result.stdout
    assert "report.html" in result.stderr


def test_json_states_seed_sizes_distances_and_places(made):
    document = json.loads((made[0] / "cohort.json").read_bytes())
    assert document["plan"] == {"seed": 5, "patients": 24, "days": 2, "deteriorating_share": 0.25, "draws": 100}
    assert (
        document["command"]
        == "fedsecure cohort --out DIR --recordings records --recordings charts0 --patients 24 --seed 5 --quick"
    )
    records, charted = document["groups"]
    assert (records["real_recordings"], records["statistics"]) == (2, [])
    assert [one["name"] for one in charted["statistics"]][:2] == ["hr_mean", "hr_within_sd"]
    level = charted["statistics"][0]
    assert (level["n_real"], level["n_synthetic"], level["unit"]) == (6, 24, "bpm")
    assert level["real"]["p50"] == pytest.approx(77.5, abs=1)
    assert 0 <= level["ks"] <= 1
    assert [member["device_id"] for member in document["members"]] == ["p000020", "s00001"]


def test_csv_has_a_row_a_recording_and_group(made):
    rows = list(csv.DictReader((made[0] / "cohort.csv").read_text().splitlines()))
    sides = [(row["group"], row["side"]) for row in rows]
    assert sides.count(("records", "real")) == 2
    assert sides.count(("charts0", "real")) == 6
    assert sides.count(("charts0", "synthetic")) == 24
    first = rows[0]
    assert set(first) >= {statistic.name for statistic in (*MINUTE, *HOURLY)}
    assert float(first["hr_mean"]) == pytest.approx(np.nanmean(stays()[0].heart_rate_bpm), abs=0.005)
    assert first["hr_autocorrelation_4_h"] == ""


def test_the_page_needs_nothing_else_and_names_every_deterioration(made):
    page = (made[0] / "report.html").read_text()
    assert page.count("<svg ") == page.count("</svg>") == 8
    outside = re.findall(r'(?:src|href)="(?!#)[^"]*|url\((?!#)[^)]*|@import|<script', page)
    assert not outside
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    captions = re.findall(r"<caption>([^<]*)", page)
    assert [caption.split()[0] for caption in captions] == ["charts0:", "p000020", "s00001"]
    for kind in ("tachycardia", "atrial fibrillation", "respiratory failure", "bradycardia", "sepsis"):
        assert kind in page


def test_charts_alone_or_a_single_record_are_enough(
    tmp_path: Path, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same whatever is read, slow to draw, and drawn above.
    monkeypatch.setattr("experiments.cohort.page.deterioration_figure", lambda seed, minutes: Figure())
    write_record(tmp_path / "one" / "p000020n.hea", stays()[0])
    for at, recordings in enumerate((charts, tmp_path / "one" / "p000020n.hea")):
        assert run("--out", tmp_path / f"{at}", "--quick", "--recordings", recordings).exit_code == 0


def test_wrong_calls_say_what_is_wrong(tmp_path):
    (tmp_path / "file").touch()
    result = run("--out", tmp_path / "file", "--quick", "--recordings", tmp_path / "absent.csv")
    assert isinstance(result.exception, Misconfigured)
    assert "choose another --out" in str(result.exception)
    absent = run("--out", tmp_path / "out", "--quick", "--recordings", tmp_path / "absent.csv")
    assert isinstance(absent.exception, Misconfigured)
    assert run("--out", tmp_path / "out", "--recordings", tmp_path, "--patients", 3).exit_code == 2
    assert run("--out", tmp_path / "out").exit_code == 2
    assert run().exit_code == 2
