"""A tiny training, from patients to a bundle that loads and scores: the whole chain fits together."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Detector
from detectors.bundle import load_bundle, save_bundle
from detectors.training.canary import unpacked
from detectors.training.trainer import STAGES, Effort, train_bundle
from fedsecure.commands.train import _cohorts, _inject
from replay.sources.synthetic import synthetic_recording

pytestmark = pytest.mark.e2e

CASES = [("data-poisoning-1", "strong"), ("data-poisoning-2", "strong")]
SIZES = {"reference": (9, 2), "calibration": (3, 2), "test": (2, 2)}


def test_a_tiny_training_gives_a_bundle_that_scores(tmp_path):
    heard = set()
    bundle = train_bundle(
        _cohorts(3, SIZES),
        CASES,
        _inject,
        seed=3,
        effort=Effort(autoencoder_epochs=1, classifier_epochs=1, distortions_per_patient=4, canary_windows=16),
        progress=lambda stage, share, text: heard.add(stage),
        data={"source": "test"},
    )
    assert heard == set(STAGES)
    sha = save_bundle(bundle, tmp_path).sha256
    loaded = load_bundle(tmp_path)
    assert loaded.sha256 == sha
    assert loaded.metadata["test"]["detection"].keys() == {"data-poisoning-1 strong", "data-poisoning-2 strong"}
    for kind in ("clean", "attacked"):
        windows = unpacked(dict(loaded.canary), kind)
        assert windows.z.shape == (*windows.event_minute.shape, 2) == (16, 60, 2)
        assert np.abs(windows.z).max() <= 8.0
    stay = synthetic_recording(9, 0, 400)
    verdicts = Detector.load(tmp_path, buckets=(32,)).score(
        stay.device_id, stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm
    )
    assert np.isfinite(verdicts.score).sum() > 200
