"""The example of docs/export.md runs with a manifest and a model alone, and agrees with our scorer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detectors.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.preprocessing import pushed_rows
from detectors.training.series import own_scale, windows_between
from experiments.export_files import manifest_of
from experiments.export_graphs import float32_model
from experiments.export_measure import rebuilt_by_us
from experiments.export_results import ExportResults
from experiments.export_runtime import inputs_of

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
FIRST_MINUTE = 80_000_000


def test_the_example_says_what_our_scorer_says(tmp_path):
    bundle = load_bundle(DEFAULT_BUNDLE)
    rng = np.random.default_rng(7)
    minute = FIRST_MINUTE + np.arange(1700)
    course = np.sin(minute / 150)[:, None] * [9, 3] + rng.normal(0, [2, 0.8], (len(minute), 2))
    vitals = np.round(np.array([80, 17]) + course, 1)
    np.savetxt(tmp_path / "vitals.csv", np.column_stack([minute, vitals]), delimiter=",", fmt="%.1f")
    nothing = ExportResults((), None, None, None, bundle.sha256, "")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest_of(nothing)))
    (tmp_path / "bottleneck-32-float32.onnx").write_bytes(float32_model("bottleneck", bundle.autoencoder))
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-c", code.group(1)], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    rows = pushed_rows(FIRST_MINUTE, vitals[:, 0], vitals[:, 1])
    last = windows_between(rows, own_scale(rows, 1440), len(rows) - 1, len(rows))
    inputs = inputs_of(last.z, last.event_minute)
    error = np.square(last.z - rebuilt_by_us("bottleneck", bundle.autoencoder, inputs)).mean()
    assert float(run.stdout.split(":")[1]) == pytest.approx(error, rel=1e-4)
