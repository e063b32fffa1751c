"""A tiny training, from patients to a bundle that loads and scores: the whole chain fits together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Detector
from detectors.bundle.bundle import FILES, load_bundle, save_bundle
from detectors.training.cohort import Population
from detectors.training.held_out import HeldOut
from detectors.training.trainer import STAGES, train_detector
from detectors.training.training import Training, TrainingBudget
from detectors.training.workfolder import WorkFolder
from experiments.common.injection import inject_case
from fedsecure.promotion.attempt import PROMOTION_STAGES, Promotion, attempt
from replay.sources.synthetic import synthetic_recording, synthetic_stays

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("one_thread")]

CASES = tuple((name, "strong") for name in ("data-poisoning-1", "data-poisoning-2", "amplitude", "motif"))
TRAINING = Training(
    populations=(Population("simulated", synthetic_stays(1, 12, 2000), is_real=False),),
    network_stays=synthetic_stays(2, 3, 1500), canary_stays=synthetic_stays(3, 4, 1500), cases=CASES, inject=inject_case,
    seed=3, budget=0.5, effort=TrainingBudget(steps=10, epochs=1, distortions=2, more_onsets=0, canary_windows=40),
)  # fmt: skip


@pytest.mark.timeout(500)
def test_a_tiny_training_gives_a_bundle_that_scores_and_can_be_promoted_over_itself(tmp_path):
    heard = {}
    work = WorkFolder(tmp_path / "work", "a")
    trained = train_detector(TRAINING, work, lambda stage, share, text: heard.update({stage: text}))
    assert heard.keys() == set(STAGES)
    (tmp_path / "bundle").mkdir()
    sha = save_bundle(trained, tmp_path / "bundle").sha256
    detector = Detector.load(tmp_path / "bundle")
    assert detector.bundle_sha == sha
    stay = synthetic_recording(9, 0, 1600)
    verdicts = detector.score(stay.device_id, stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm)
    assert np.isfinite(verdicts.score).sum() > 50
    assert np.isfinite(verdicts.reconstruction_error).sum() > 50
    _promoted_over_itself(load_bundle(tmp_path / "bundle"), tmp_path)


def _promoted_over_itself(bundle, folder):
    """Fitted anew around its own network a bundle comes out the same, and so stands its canary."""
    heard = {}

    def hear(stage, share, text):
        heard[stage] = text

    training = replace(TRAINING, network=bundle.parameters.network)
    held_out = HeldOut(synthetic_stays(4, 12, 5000), (), CASES, inject_case, 3)
    promotion = Promotion(bundle.parameters.network, "m" * 64, bundle, training, held_out, folder / "promoted")
    result = attempt(promotion, hear)
    assert result.passed, result.reason
    assert {figure.change for figure in result.figures} == {0.0}
    assert heard.keys() == set(PROMOTION_STAGES)
    assert heard["network"] == "given"
    promoted = promotion.folder
    assert load_bundle(promoted).metadata["promotion"]["parent"] == bundle.sha256
    for name in set(FILES) - {"metadata.json"}:
        assert (promoted / name).read_bytes() == (folder / "bundle" / name).read_bytes(), name
    assert attempt(promotion, hear) == result, "found finished"
    assert heard["network"] == "found finished"
    _worse_model_is_not_fitted_around(promotion)


def _worse_model_is_not_fitted_around(promotion):
    heard = set()
    noise = np.random.default_rng(1)
    noisy = {
        name: array + noise.normal(0, 0.5, array.shape).astype(np.float32) for name, array in promotion.weights.items()
    }
    result = attempt(replace(promotion, weights=noisy, model_sha256="n" * 64), lambda stage, *_: heard.add(stage))
    assert not result.passed
    assert "loss" in result.reason
    assert heard == {"first look"}
