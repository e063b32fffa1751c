"""What several unit tests share: bundles with random weights, and the residual features written plainly in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.bundle import Bundle, PopulationStats
from detectors.weight_layout import autoencoder_shapes, classifier_shapes


@pytest.fixture(scope="session")
def untrained_bundle():
    """Return a function seed -> Bundle whose weights are random and whose statistics are plausible."""

    def make(seed: int) -> Bundle:
        rng = np.random.default_rng(seed)
        weights = [
            {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
            for shapes in (autoencoder_shapes(), classifier_shapes())
        ]
        population = PopulationStats(
            median=(84.0, 18.0),
            scale=(14.0, 4.0),
            residual_rms=(0.4, 0.5),
            logit_mean=-4.0,
            logit_sd=1.0,
            logit_sd_floor=0.5,
            enrolling_threshold=4.0,
            threshold=4.0,
        )
        canary = {"clean_window_z": rng.integers(-9, 9, (4, 60, 2), dtype=np.int16)}
        return Bundle(weights[0], weights[1], population, {"seed": seed}, canary)

    return make


@pytest.fixture(scope="session")
def reference_residual_features():
    """Return a function (residual [B, 60, 2], rms [B, 2]) -> features [B, 15], in float64 numpy."""

    def features(residual, rms):
        r = np.asarray(residual, np.float64) / (np.asarray(rms, np.float64)[:, None] + 0.2)
        square, mean = r**2, r.mean(1)
        centred = r - mean[:, None]
        variance = (centred**2).mean(1) + 1e-4
        per_channel = [
            np.log(square.mean(1) + 1e-4),
            np.log(square.max(1) + 1e-4),
            np.log(np.sort(square, axis=1)[:, 29] + 1e-4),
            np.arcsinh(mean),
            np.log((square[:, 30:].mean(1) + 1e-4) / (square[:, :30].mean(1) + 1e-4)),
            (centred[:, 1:] * centred[:, :-1]).sum(1) / (60 * variance),
            0.5 * np.log(variance),
        ]
        correlation = (centred[:, :, 0] * centred[:, :, 1]).mean(1) / np.sqrt(variance.prod(1))
        return np.concatenate([*per_channel, correlation[:, None]], axis=1)

    return features
