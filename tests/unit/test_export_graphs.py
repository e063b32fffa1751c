"""Exported autoencoders rebuild what ours rebuild: exactly in float32, within a stated bound in int8, whatever the width."""

from __future__ import annotations

import numpy as np
import pytest
from random_bundle import random_bundle

from detectors.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.scoring.runtime import Reconstructor
from detectors.weight_layout import AUTOENCODERS, autoencoder_shapes, blind_spot_shapes
from experiments.export_graphs import float32_model, int8_model
from experiments.export_measure import rebuilt_by_us
from experiments.export_runtime import ExportedResiduals, inputs_of, rebuilt_singly, session_of

AGREES = 1e-4
INT8_LARGEST = 0.35  # standard deviations of the device
INT8_MEAN = 0.02
SHIPPED = load_bundle(DEFAULT_BUNDLE)
WEIGHTS = dict(zip(AUTOENCODERS, (SHIPPED.autoencoder, SHIPPED.blind_spot), strict=True))


@pytest.fixture(scope="module")
def windows():
    """Hours of ordinary courses, of the largest values there are, and of none."""
    rng = np.random.default_rng(3)
    z = np.clip(np.cumsum(rng.normal(0, 0.3, (24, 60, 2)), axis=1), -8, 8).astype(np.float32)
    z[0], z[1] = 8.0, 0.0
    minute = (10_000_000 + 977 * np.arange(24))[:, None] + np.arange(60)
    return z, minute.astype(np.int64), rng.uniform(0.1, 1.0, (24, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def inputs(windows):
    return inputs_of(windows[0], windows[1])


@pytest.fixture(scope="module")
def float32():
    return {name: float32_model(name, weights) for name, weights in WEIGHTS.items()}


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_the_bundles_weights_in_float32_rebuild_what_our_scorer_rebuilds(name, float32, inputs):
    found = session_of(float32[name]).run(None, {"window": inputs})[0]
    np.testing.assert_allclose(found, rebuilt_by_us(name, WEIGHTS[name], inputs), atol=AGREES, rtol=0)


@pytest.mark.parametrize(("name", "shapes"), [("bottleneck", autoencoder_shapes), ("blind_spot", blind_spot_shapes)])
def test_so_do_those_of_another_width(name, shapes, inputs):
    rng = np.random.default_rng(5)
    weights = {key: rng.normal(0, 0.3, shape).astype(np.float32) for key, shape in shapes(units=7).items()}
    found = session_of(float32_model(name, weights)).run(None, {"window": inputs})[0]
    np.testing.assert_allclose(found, rebuilt_by_us(name, weights, inputs), atol=AGREES, rtol=0)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_int8_stays_within_its_bound_in_less_than_half_the_bytes(name, float32, inputs):
    model = int8_model(float32[name])
    apart = np.abs(rebuilt_singly(session_of(model), inputs) - rebuilt_by_us(name, WEIGHTS[name], inputs))
    assert apart.max() < INT8_LARGEST
    assert 0 < apart.mean() < INT8_MEAN
    assert len(model) < len(float32[name]) / 2
    assert int8_model(float32[name]) == model


def test_exported_models_take_the_reconstructors_place(windows):
    made = random_bundle(2)
    ours = Reconstructor(made.autoencoder, made.blind_spot, buckets=(32,)).residuals(*windows)
    exported = ExportedResiduals(
        float32_model("bottleneck", made.autoencoder), float32_model("blind_spot", made.blind_spot)
    ).residuals(*windows)
    np.testing.assert_allclose(exported.mean_square, ours.mean_square, atol=AGREES, rtol=0)
    np.testing.assert_allclose(exported.features, ours.features, atol=1e-3, rtol=0)


def test_no_windows_give_no_residuals(float32, windows):
    nothing = ExportedResiduals(*float32.values()).residuals(*(array[:0] for array in windows))
    assert nothing.mean_square.shape == (0, 4)
    assert nothing.features.shape == (0, 30)
