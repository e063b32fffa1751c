"""The exported network says what the detector's says: exactly in float32, within a stated bound in int8."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from detectors.network.layout import CONTEXT_SIZE
from detectors.network.runtime import DensityNetwork
from experiments.export.graph import INPUTS, float32_model, int8_model
from experiments.export.measure import AGREES, probabilities, session_of
from fl_device.tasks.fresh_weights import fresh_weights
from fl_device.tasks.reconstruction import Reconstruction

INT8_LARGEST = 0.1  # of a probability
INT8_MEAN = 0.01


@pytest.fixture(scope="module")
def weights():
    return fresh_weights(Reconstruction().shapes, seed=5)


@pytest.fixture(scope="module")
def windows():
    """Hours of ordinary courses on a grid, with filled minutes, of the largest values there are, and of none."""
    rng = np.random.default_rng(3)
    z = np.clip(np.cumsum(rng.normal(0, 0.3, (24, 60, 2)), axis=1), -8, 8)
    z[0], z[1] = 8.0, 0.0
    arrays = (
        0.05 * np.round(z / 0.05), rng.random(z.shape) > 0.05, rng.normal(0, 1, (24, CONTEXT_SIZE)), np.full((24, 2), 0.025),
    )  # fmt: skip
    return {name: array.astype(np.float32) for name, array in zip(INPUTS, arrays, strict=True)}


@pytest.fixture(scope="module")
def ours(weights, windows):
    return ndtr(DensityNetwork(weights).normal_scores(*windows.values()))


def test_float32_says_what_the_detectors_network_says_alone_and_together(weights, windows, ours):
    session = session_of(float32_model(weights))
    for found in (session.run(None, windows)[0], probabilities(session, windows)):
        np.testing.assert_allclose(found, ours, atol=AGREES, rtol=0)


def test_int8_stays_within_its_bound_in_fewer_bytes(weights, windows, ours):
    float32 = float32_model(weights)
    model = int8_model(float32)
    apart = np.abs(probabilities(session_of(model), windows) - ours)
    assert apart.max() < INT8_LARGEST
    assert 0 < apart.mean() < INT8_MEAN
    assert len(model) < 0.7 * len(float32)
    assert int8_model(float32) == model
