"""The example of docs/export.md runs with a manifest, a profile and a model alone, and agrees with the detector's network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plain_detector import plain_bundle

from detectors.baseline.profile import profile_of
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import scaled
from detectors.network.runtime import DensityNetwork
from experiments.export.files import manifest_of
from experiments.export.graph import float32_model
from experiments.export.measure import QUICK, ExportResults

PAGE = (Path(__file__).parents[4] / "docs" / "export.md").read_text(encoding="utf-8")


def test_the_example_says_what_the_detectors_network_says(tmp_path):
    weights = plain_bundle(3).parameters.network
    rng = np.random.default_rng(7)
    course = np.sin(np.arange(1500) / 150)[:, None] * [9, 3] + rng.normal(0, [2, 0.8], (1500, 2))
    vitals = np.round(np.array([80, 17]) + course, 1)
    profile = profile_of(clean(0, vitals[:, 0], vitals[:, 1]), 1440)
    named = {name: getattr(profile, name).tolist() for name in ("median", "scale", "grid_bpm", "context")}
    (tmp_path / "profile.json").write_text(json.dumps(named))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest_of(ExportResults((), QUICK, 0, "", ""))))
    (tmp_path / "network-float32.onnx").write_bytes(float32_model(weights))
    np.savetxt(tmp_path / "vitals.csv", vitals[-60:], delimiter=",", fmt="%.1f")
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-c", code.group(1)], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    z = scaled(vitals[None, -60:], profile.median, profile.scale)
    half_cell = (0.5 * profile.grid_bpm / profile.scale).astype(np.float32)[None]
    scores = DensityNetwork(weights).normal_scores(z, np.ones_like(z), profile.context[None], half_cell)[0]
    found = [float(number) for number in re.findall(r"-?[\d.]+", run.stdout.split("rate:")[1])]
    assert found == pytest.approx(np.log(np.square(scores).mean(axis=0)), rel=1e-3, abs=1e-4)
