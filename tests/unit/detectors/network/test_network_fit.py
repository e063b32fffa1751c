"""Fitting the network: windows after the enrolment, and weights that numpy and Keras agree on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from detectors.baseline.profile import profile_of
from detectors.minutes.cleaning import clean
from detectors.network.layout import network_shapes
from detectors.network.runtime import DensityNetwork
from detectors.training.network import fit as network_fit
from detectors.training.network.architecture import build_network, load_weights, network_inputs
from detectors.training.network.fit import NetworkWindows, fit_network, training_windows
from detectors.training.network.loss import expected_value, log_probability
from detectors.training.tensorflow import tf

ENROLMENT_MIN = 300
STEPS, BATCH = 20, 48


def stream(seed: int, minutes: int = 700):
    rng = np.random.default_rng(seed)
    course = np.cumsum(rng.standard_normal((minutes, 2)), axis=0) * (0.4, 0.2)
    vitals = np.round(course - course.mean(axis=0) + (80, 17) + rng.standard_normal((minutes, 2)) * (1 + seed, 1))
    vitals[400:401] = np.nan
    known = clean(1000, vitals[:, 0], vitals[:, 1])
    return known, profile_of(known, ENROLMENT_MIN)


@pytest.fixture(scope="module")
def windows() -> NetworkWindows:
    return training_windows([stream(seed) for seed in range(4)])


@pytest.fixture(scope="module")
def fitted(windows):
    """The weights after a short fit, and the shares and losses that it told."""
    heard = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_fit, "REPORT_EVERY", STEPS // 4)
        weights = fit_network(windows, 0, STEPS, BATCH, lambda share, text: heard.append((share, text)))
    return weights, heard


@pytest.fixture(scope="module")
def weights(fitted):
    return fitted[0]


def test_windows_begin_after_the_enrolment_a_stride_apart_and_lie_on_the_grid(windows):
    assert len(windows) == 4 * 18
    known, profile = stream(0)
    first = (known.values[ENROLMENT_MIN : ENROLMENT_MIN + 60] - profile.median) / profile.scale
    np.testing.assert_allclose(windows.z[0], np.clip(first, -8, 8), atol=1e-5)
    steps = windows.z[:18] * profile.scale + profile.median
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    np.testing.assert_array_equal(windows.weight[5][0], [0, 0])
    np.testing.assert_array_equal(windows.context[17], profile.context)
    np.testing.assert_allclose(windows.half_cell[17], 0.5 / profile.scale, rtol=1e-6)


def test_a_stream_that_ends_with_its_enrolment_gives_no_windows():
    known, profile = stream(0, minutes=ENROLMENT_MIN + 30)
    assert not len(training_windows([(known, profile)]))


def test_a_fit_lowers_the_loss_and_says_so(fitted):
    _, heard = fitted
    assert [share for share, _ in heard] == [0.25, 0.5, 0.75, 1.0]
    losses = [float(text.split()[0]) for _, text in heard]
    assert losses[-1] < losses[0]


def test_a_fit_is_the_same_for_a_seed(windows, weights):
    again = fit_network(windows, seed=0, steps=STEPS, batch=BATCH)
    for name, array in weights.items():
        np.testing.assert_array_equal(again[name], array)


def test_the_weights_have_the_names_and_shapes_of_the_layout(weights):
    assert {name: array.shape for name, array in weights.items()} == network_shapes()
    assert all(array.dtype == np.float32 for array in weights.values())


@pytest.fixture(scope="module")
def keras_outputs(windows, weights):
    """Return a function: scaled windows -> what Keras' model with the fitted weights gives, beside the windows' contexts."""
    model = build_network()
    load_weights(model, weights)
    standard = np.clip((windows.context - weights["context_mean"]) / weights["context_sd"], -4, 4)
    return lambda z: model([*network_inputs(z, windows.weight), tf.constant(standard)])


def test_numpy_says_what_keras_says(windows, weights, keras_outputs):
    theirs = expected_value(windows.z, *keras_outputs(windows.z)).numpy()[:, 30:45]
    mine = DensityNetwork(weights).expected(windows.z, windows.weight, windows.context)
    np.testing.assert_allclose(mine, theirs, atol=1e-4)
    assert np.abs(theirs).max() > 1


def test_the_runtimes_scores_are_those_of_the_likelihood_that_was_trained(windows, weights, keras_outputs):
    """From the middle of one cell to that of the next lies half of each cell's probability."""
    network, up = DensityNetwork(weights), windows.z.copy()
    up[:, 45] += 2 * windows.half_cell
    rest = windows.weight, windows.context, windows.half_cell
    low, high = (ndtr(network.normal_scores(z, *rest)[:, 7].astype(np.float64)) for z in (windows.z, up))
    outputs = keras_outputs(windows.z)
    cells = [np.exp(log_probability(z, windows.half_cell, *outputs).numpy()[:, 37]) for z in (windows.z, up)]
    inside = (low > 1e-4) & (high < 1 - 1e-4)
    assert inside.mean() > 0.9
    np.testing.assert_allclose((high - low)[inside], (sum(cells) / 2)[inside], atol=1e-4)


def test_there_must_be_windows(windows):
    nothing = NetworkWindows(windows.z[:0], windows.weight[:0], windows.context[:0], windows.half_cell[:0])
    with pytest.raises(ValueError, match="no windows"):
        fit_network(nothing, seed=0)
