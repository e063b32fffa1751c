"""A look into gradients searches for windows whose gradient is the one that was seen."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.network.layout import CONTEXT_SIZE
from detectors.training.tensorflow import tf
from experiments.privacy.inversion import (
    SHAPES,
    SIZES,
    TASK,
    Seen,
    SideInformation,
    cosine_distance,
    flat,
    gradients,
    inverted,
)
from fl_device.tasks.fresh_weights import fresh_weights
from fl_device.training.local import weights_of


def known(count: int) -> SideInformation:
    minutes = np.arange(count)[:, None] * 60 + np.arange(60)
    half_cell = np.full(2, 0.01, np.float32)
    return SideInformation(np.ones((count, 60, 2), np.float32), minutes, np.zeros(CONTEXT_SIZE, np.float32), half_cell)


def hours(count: int, seed: int) -> np.ndarray:
    """Slow courses well away from the device's median."""
    steps = np.random.default_rng(seed).normal(0, 0.1, (count, 60, 2))
    return (np.array([0.8, -0.6]) + np.cumsum(steps, axis=1)).astype(np.float32)


@pytest.fixture(scope="module")
def weights():
    return flat(fresh_weights(TASK.shapes, seed=3))


def test_the_gradient_is_that_of_the_tasks_own_loss(weights):
    windows, told = hours(8, seed=1), known(8)
    named = {name: tf.constant(array) for name, array in weights_of(weights, SHAPES).items()}
    examples = TASK.examples(told.hours(windows))
    with tf.GradientTape() as tape:
        tape.watch(named)
        loss = tf.reduce_mean(TASK.loss(named, tf.constant(examples.inputs), tf.constant(examples.targets)))
    expected = tape.gradient(loss, named, unconnected_gradients="zero")
    on_weights, on_windows = gradients(weights, windows, told)
    parts = [np.asarray(expected[name]).ravel() for name in SHAPES]
    np.testing.assert_allclose(on_weights, np.concatenate(parts), rtol=1e-3, atol=1e-5)
    assert on_windows.shape == windows.shape


def test_windows_come_nearer_to_what_was_seen_step_by_step(weights):
    windows, told = hours(8, seed=4), known(8)
    seen = Seen(gradients(weights, windows, told)[0])

    def distance(steps: int) -> float:
        return cosine_distance(gradients(weights, inverted(seen, weights, told, steps, seed=0), told)[0], seen)[0]

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
