"""A tiny training, from patients to a bundle that loads and scores: the whole chain fits together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Detector
from detectors.bundle import FILES, load_bundle, save_bundle
from detectors.training.canary import unpacked
from detectors.training.trainer import STAGES, Effort, Learner, train_bundle
from detectors.training.workfolder import WorkFolder
from fedsecure.commands.train import cohorts_of, inject_case
from fedsecure.promotion import PROMOTION_STAGES, Promotion, attempt
from replay.sources.synthetic import synthetic_recording

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("one_thread")]

CASES = (("data-poisoning-1", "strong"), ("data-poisoning-2", "strong"))
SIZES = {"reference": (9, 3), "calibration": (6, 3), "test": (2, 3)}
EFFORT = Effort(
    autoencoder_patients=9, autoencoder_epochs=1, attacked_patients=2, distortions_per_patient=2, network_epochs=1,
    clean_stride=6, canary_windows=32, processes=1,
)  # fmt: skip


@pytest.mark.timeout(500)
def test_a_tiny_training_gives_a_bundle_that_scores_and_can_be_promoted_over_itself(tmp_path):
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
    assert loaded.metadata["test"]["strong_attacks"].keys() == {name for name, _ in CASES}
    for kind in ("clean", "attacked"):
        windows = unpacked(dict(loaded.canary), kind)
        assert windows.z.shape == (*windows.event_minute.shape, 2) == (32, 60, 2)
        assert np.abs(windows.z).max() <= 8.0
    stay = synthetic_recording(9, 0, 400)
    verdicts = Detector.load(tmp_path / "bundle", buckets=(32,)).score(
        stay.device_id, stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm
    )
    assert np.isfinite(verdicts.score).sum() > 200
    _promoted_over_itself(learner, tmp_path / "bundle", tmp_path / "promoted")


def _promoted_over_itself(learner, folder, out):
    """Learnt anew around its own bottleneck a bundle comes out the same, and so stands its canary."""
    heard = {}
    bundle = load_bundle(folder)

    def hear(stage, share, text):
        heard[stage] = text

    promotion = Promotion(
        bundle.autoencoder, "m" * 64, bundle, out, learner.seed, EFFORT, SIZES, {"clean": (9, 2), "attacked": (20, 2)},
        ("strong",), CASES,
    )  # fmt: skip
    result = attempt(promotion, hear)
    assert result.passed, result.reason
    assert [figure.change for figure in result.figures] == [0.0] * 6
    assert heard.keys() == set(PROMOTION_STAGES)
    assert heard["bottleneck"] == "given"
    candidate = load_bundle(out / "bundle")
    assert candidate.metadata["data"] | {"model": "m" * 64, "parent": bundle.sha256} == candidate.metadata["data"]
    for name in set(FILES) - {"metadata.json"}:
        assert (out / "bundle" / name).read_bytes() == (folder / name).read_bytes(), name
    kept = {path.name.partition("-")[0] for path in (out / "work").iterdir()}
    assert kept == {"blind_spot", "attacked", "calibration", "outcomes"}
    assert attempt(promotion, hear) == result, "found finished"
    assert heard["networks"] == "found finished"
    _worse_model_is_not_learnt_around(promotion)


def _worse_model_is_not_learnt_around(promotion):
    heard = set()
    noise = np.random.default_rng(1)
    noisy = {
        name: array + noise.normal(0, 0.2, array.shape).astype(np.float32) for name, array in promotion.weights.items()
    }
    worse = replace(promotion, weights=noisy, model_sha256="n" * 64)
    result = attempt(worse, lambda stage, share, text: heard.add(stage))
    assert not result.passed
    assert "loss" in result.reason
    assert heard == {"first look"}
