"""A look into gradients finds the hour that made them, and finds nothing once they drown in noise."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.preprocessing import calendar_features
from detectors.scoring.tensorflow_runtime import tf
from experiments.privacy_gradients import SIZES, WindowGradients, flat, tensors
from experiments.privacy_inversion import ManyWindows, Seen, SingleWindow, cosine_distance
from experiments.privacy_results import correlations
from fl_device.named_tasks import fresh_weights
from fl_device.reconstruction import Reconstruction

CALENDAR = calendar_features(np.arange(32)[:, None] * 60 + np.arange(60))


def hours(count: int, seed: int) -> np.ndarray:
    """Slow courses about the device's median, as vital signs in scaled units are."""
    steps = np.random.default_rng(seed).normal(0, 0.3, (count, 60, 2))
    walk = np.cumsum(steps, axis=1)
    return (walk - 0.5 * walk.mean(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def weights():
    return flat(fresh_weights(Reconstruction(), seed=3))


@pytest.fixture(scope="module")
def gradients():
    return WindowGradients()


def test_the_network_written_out_has_the_gradients_of_the_real_one(weights, gradients):
    windows = hours(32, seed=1)
    inputs = tf.constant(np.concatenate([windows, CALENDAR], axis=-1))
    named = {name: tf.constant(array) for name, array in tensors(weights).items()}
    with tf.GradientTape() as tape:
        tape.watch(named)
        loss = tf.reduce_mean(tf.square(windows - Reconstruction().output(named, inputs)))
    expected = np.concatenate([part.numpy().ravel() for part in tape.gradient(loss, list(named.values()))])
    each, _ = gradients.whole(weights, windows, CALENDAR)
    assert each.shape == (32, sum(SIZES))
    np.testing.assert_allclose(each.mean(axis=0), expected, rtol=1e-3, atol=1e-6)


def test_the_decoders_part_of_the_gradient_is_the_end_of_the_whole_one(weights, gradients):
    windows = hours(32, seed=1)
    each, _ = gradients.whole(weights, windows, CALENDAR)
    named = tensors(each[0])
    latent = named["decoder/forward/kernel"] @ named["decoder/forward/bias"]
    latent = latent / (named["decoder/forward/bias"] @ named["decoder/forward/bias"])
    part, _ = gradients.decoder(weights, np.repeat(latent[None], 121, axis=0), np.repeat(windows[:1], 121, axis=0))
    np.testing.assert_allclose(part[0], each[0][-part.shape[1] :], rtol=1e-2, atol=1e-5)


def rebuilt(weights, gradients, window, noise: float, shortened: float = 1.0):
    each, _ = gradients.whole(weights, np.repeat(window[None], 32, axis=0), np.repeat(CALENDAR[:1], 32, axis=0))
    deviation = noise * float(np.linalg.norm(each[0])) * shortened
    dice = np.random.default_rng(0).standard_normal(each[0].shape)
    seen = Seen((shortened * each[0] + deviation * dice).astype(np.float32), deviation)
    return SingleWindow(gradients, weights).invert(seen, CALENDAR[0])


@pytest.mark.parametrize("shortened", [1.0, 0.3])
def test_the_gradient_of_one_hour_gives_it_away_clipped_or_not(weights, gradients, shortened):
    window = hours(1, seed=2)[0]
    found = rebuilt(weights, gradients, window, 0.0, shortened)
    assert np.abs(found - window).mean() < 0.4 * np.abs(window).mean()
    assert correlations(window[None], found[None]).min() > 0.7


def test_noise_hides_it(weights, gradients):
    window = hours(1, seed=2)[0]
    clear, drowned = (rebuilt(weights, gradients, window, noise) for noise in (0.0, 1.0))
    assert np.abs(drowned - window).mean() > 2 * np.abs(clear - window).mean()
    assert correlations(window[None], drowned[None]).max() < 0.6


def test_many_windows_come_nearer_to_what_was_seen_step_by_step(weights, gradients):
    each, _ = gradients.whole(weights, hours(32, seed=4), CALENDAR)
    seen = Seen(each.mean(axis=0))

    def distance(steps: int) -> float:
        found = ManyWindows(gradients, weights, steps).invert(seen, CALENDAR, seed=0)
        return cosine_distance(gradients.whole(weights, found, CALENDAR)[0].mean(axis=0), seen)[0]

    assert distance(25) < 0.6 * distance(1)


def test_the_distance_is_none_in_the_same_direction_and_its_slope_is_that_of_a_small_step():
    rng = np.random.default_rng(0)
    mine, theirs = rng.standard_normal((2, sum(SIZES))).astype(np.float32)
    assert cosine_distance(3 * theirs, Seen(theirs))[0] == pytest.approx(0, abs=1e-4)
    value, slope = cosine_distance(mine, Seen(theirs))
    moved, _ = cosine_distance((mine - 0.5 * slope / np.linalg.norm(slope)).astype(np.float32), Seen(theirs))
    assert value - moved == pytest.approx(0.5 * np.linalg.norm(slope), rel=0.05)


def test_a_tensor_that_is_all_noise_hardly_counts():
    rng = np.random.default_rng(0)
    mine, theirs = rng.standard_normal((2, sum(SIZES))).astype(np.float32)
    assert cosine_distance(mine, Seen(theirs, noise=1.0))[0] < 0.1 * cosine_distance(mine, Seen(theirs))[0]
