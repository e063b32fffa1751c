"""Without TensorFlow and whatever else trains and exports, everything else runs, and what needs them says how to get them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from contracts.errors import Misconfigured
from fedsecure.extras import PACKAGES, require_extra

CODE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
sys.argv[:] = ["fedsecure", *sys.argv[2:]]
from fedsecure.cli import main
main()
"""
IMPORTED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
import streams.worker, streams.edge, streams.app, console.program, fl_coordinator.program, replay.program, ingest.program
import fl_device.keys.registration, experiments.cohort.comparison
from detectors.bundle.bundle import load_bundle, DEFAULT_BUNDLE
from contracts.settings import Settings
from fedsecure.commands.coordinator import _initial_weights
bundle = load_bundle(DEFAULT_BUNDLE)
for task in ("reconstruction", "forecast", "classification"):
    assert _initial_weights(Settings(federated_task=task), bundle)
"""
BLOCKED = ("keras", "sklearn", "joblib", "vitaldb", *(name for names in PACKAGES.values() for name in names))
NOWHERE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "REDIS_URL": "redis://127.0.0.1:1/0"}


def without_extras(code: str, *arguments: str, folder) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, ",".join(BLOCKED), *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | NOWHERE, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_programs_start_without_any_extra(tmp_path):
    done = without_extras(IMPORTED, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_recordings_are_made_looked_at_and_scored_without_any_extra(tmp_path):
    for arguments in (
        ("synthetic", "ward.csv", "--patients", "1", "--minutes", "800"),
        ("inspect", "ward.csv", "--plot", "ward.png"),
        ("score", "ward.csv", "--out", "scores.csv"),
        ("attacks",),
    ):
        done = without_extras(CODE, *arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "scores.csv").stat().st_size > 5_000


def test_a_device_host_needs_no_package_that_only_studies_use(monkeypatch):
    for name in ("sklearn", "onnx"):  # not in the image of the programs
        monkeypatch.setitem(sys.modules, name, None)
    require_extra("train", "fedsecure device")
    with pytest.raises(Misconfigured, match="fedsecure paper needs sklearn:"):
        require_extra("train", "fedsecure paper", "sklearn")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("train", "--out", "x"), "train"),
        (("promote", "--out", "x", "--yes"), "train"),
        (("device", "--all"), "train"),
        (("demo", "--offline"), "train"),
        (("evaluate", "--out", "x"), "train"),
        (("paper", "--out", "x"), "train"),
        (("federate", "--out", "x"), "train"),
        (("export", "--out", "x"), "export"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_a_command_that_needs_an_extra_says_so_at_once(tmp_path, arguments, extra):
    done = without_extras(CODE, *arguments, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"fedsecure {arguments[0]} needs {PACKAGES[extra][0]}" in done.stderr
    assert f"pip install 'fedsecure[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
