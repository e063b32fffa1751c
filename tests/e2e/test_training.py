"""A tiny training, from patients to a bundle that loads and scores: the whole chain fits together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Detector
from detectors.bundle import load_bundle, save_bundle
from detectors.training.canary import unpacked
from detectors.training.trainer import STAGES, Effort, Learner, train_bundle
from detectors.training.workfolder import WorkFolder
from fedsecure.commands.train import cohorts_of, inject_case
from replay.sources.synthetic import synthetic_recording

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("one_thread")]

CASES = (("data-poisoning-1", "strong"), ("data-poisoning-2", "strong"))
SIZES = {"reference": (9, 3), "calibration": (6, 3), "test": (2, 3)}
EFFORT = Effort(
    autoencoder_patients=9, autoencoder_epochs=1, attacked_patients=2, distortions_per_patient=2, network_epochs=1,
    clean_stride=6, canary_windows=16, processes=1,
)  # fmt: skip


@pytest.mark.timeout(280)
def test_a_tiny_training_gives_a_bundle_that_scores_and_again_from_its_bottleneck(tmp_path):
    heard = {}
    learner = Learner(
        cohorts_of(3, SIZES),
        CASES,
        inject_case,
        3,
        EFFORT,
        lambda stage, share, text: heard.update({stage: text}),
        WorkFolder(tmp_path / "work", "a"),
    )
    bundle = train_bundle(learner, {"source": "test"})
    assert heard.keys() == set(STAGES)
    (tmp_path / "bundle").mkdir()
    sha = save_bundle(bundle, tmp_path / "bundle").sha256
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.sha256 == sha
    assert loaded.metadata["test"]["strong_attacks"].keys() == {"data-poisoning-1", "data-poisoning-2"}
    for kind in ("clean", "attacked"):
        windows = unpacked(dict(loaded.canary), kind)
        assert windows.z.shape == (*windows.event_minute.shape, 2) == (16, 60, 2)
        assert np.abs(windows.z).max() <= 8.0
    stay = synthetic_recording(9, 0, 400)
    verdicts = Detector.load(tmp_path / "bundle", buckets=(32,)).score(
        stay.device_id, stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm
    )
    assert np.isfinite(verdicts.score).sum() > 200
    _again_from_the_bottleneck(replace(learner, bottleneck=loaded.autoencoder), sha, tmp_path / "again")
    assert heard["bottleneck"] == "given"


def _again_from_the_bottleneck(learner, sha, folder):
    """All that comes after the bottleneck is learnt anew and comes out the same; only the blind spot is found finished."""
    finished = set(learner.work.folder.iterdir())
    folder.mkdir()
    assert save_bundle(train_bundle(learner, {"source": "test"}), folder).sha256 == sha
    made = {path.name.partition("-")[0] for path in set(learner.work.folder.iterdir()) - finished}
    assert made == {"attacked", "calibration"}
