"""What several unit tests share: the real model with random weights, the residual features written plainly in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from random_bundle import random_knowledge
from real_stay import BUNDLE, LIMIT, real_stay


@pytest.fixture(scope="session")
def reconstructor():
    from detectors.scoring.runtime import Reconstructor  # noqa: PLC0415 - imports TensorFlow, seconds

    return Reconstructor(BUNDLE.autoencoder, BUNDLE.blind_spot, buckets=(1, 32, 512))


@pytest.fixture(scope="session")
def model(reconstructor):
    """A model whose limit lies where some minutes of `stay` are flagged and some are not."""
    from detectors.model import Model  # noqa: PLC0415 - imports TensorFlow, seconds

    return Model(reconstructor, random_knowledge(6, threshold=LIMIT), "one")


@pytest.fixture(scope="session")
def stay():
    return real_stay()


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
