"""The TensorFlow features equal a plain numpy reference, edge cases included."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.features.residual import residual_features
from detectors.weight_layout import RESIDUAL_FEATURES


def computed(residual, rms):
    return residual_features(residual.transpose(1, 2, 0), rms.T).numpy().T


@pytest.mark.parametrize("kind", ["noise", "zero", "constant", "spike", "huge"])
def test_features_equal_the_reference(kind, reference_residual_features):
    rng = np.random.default_rng(5)
    residual = {
        "noise": rng.normal(0, 0.3, (7, 60, 2)),
        "zero": np.zeros((2, 60, 2)),
        "constant": np.full((2, 60, 2), 0.7),
        "spike": np.where(np.arange(60)[:, None] == 31, 5.0, rng.normal(0, 0.1, (3, 60, 2))),
        "huge": rng.normal(0, 16, (3, 60, 2)),
    }[kind].astype(np.float32)
    rms = rng.uniform(0.05, 0.5, (len(residual), 2)).astype(np.float32)
    features = computed(residual, rms)
    assert features.shape == (len(residual), len(RESIDUAL_FEATURES))
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features, reference_residual_features(residual, rms), atol=2e-4, rtol=1e-4)


def test_the_median_is_the_lower_one_exactly():
    residual = np.zeros((1, 60, 2), np.float32)
    residual[0, :, 0] = np.random.default_rng(1).permutation(60) / 10
    features = computed(residual, np.full((1, 2), 0.8, np.float32))
    at = RESIDUAL_FEATURES.index("heart_rate_log_median_square")
    assert features[0, at] == pytest.approx(np.log(2.9**2 + 1e-4), abs=1e-6)


def test_a_larger_usual_residual_makes_the_same_error_smaller():
    residual = np.random.default_rng(2).normal(0, 0.5, (1, 60, 2)).astype(np.float32)
    tight, wide = (computed(residual, np.full((1, 2), rms, np.float32)) for rms in (0.2, 0.8))
    at = RESIDUAL_FEATURES.index("resp_rate_log_mean_square")
    assert tight[0, at] > wide[0, at]
