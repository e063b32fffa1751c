"""Every task a federation can have: its examples, its weights' names, and what it begins with."""

from __future__ import annotations

import numpy as np
import pytest
from keras_networks import BUILD

from detectors.preprocessing import Z_CLIP
from detectors.scoring.tensorflow_runtime import tf
from experiments.federation_tasks import STUDIED
from fl_device.classification import Classification
from fl_device.forecast import Forecast
from fl_device.named_tasks import TASKS, fresh_weights, task_named

EVERY_TASK = [task for task, _ in STUDIED.values()]


def hours(count: int) -> tuple[np.ndarray, np.ndarray]:
    z = np.random.default_rng(3).standard_normal((count, 60, 2)).astype(np.float32)
    minutes = 40_000_000 + 8 * np.arange(count)[:, None] + np.arange(60)
    return z, minutes.astype(np.int64)


def tensors(weights):
    return {name: tf.constant(array) for name, array in weights.items()}


def weights_from_keras(task, model):
    return dict(zip(task.shapes, model.get_weights(), strict=True))


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_a_tasks_network_and_its_gradients_are_those_of_keras_layers(task):
    model = BUILD[task.name]()
    weights = fresh_weights(task, seed=1)
    model.set_weights(list(weights.values()))
    examples = task.examples(*hours(5))
    ours = tensors(weights)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(ours)
        output, expected = task.output(ours, tf.constant(examples.inputs)), model(examples.inputs)
        losses = [tf.reduce_mean(tf.square(one - examples.targets)) for one in (output, expected)]
    np.testing.assert_allclose(output, expected, atol=1e-5)
    found = tape.gradient(losses[0], ours)
    slopes = tape.gradient(losses[1], model.trainable_variables)
    for name, slope in zip(task.shapes, slopes, strict=True):
        np.testing.assert_allclose(found[name], slope, atol=1e-5)
        assert np.abs(slope).max() > 1e-4


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_fresh_weights_are_spread_like_those_that_keras_draws_and_the_same_for_a_seed(task):
    weights = fresh_weights(task, seed=1)
    for name, drawn in weights_from_keras(task, BUILD[task.name]()).items():
        assert weights[name].dtype == np.float32
        assert weights[name].std() == pytest.approx(float(drawn.std()), rel=0.25, abs=1e-6)
    again = fresh_weights(task, seed=1)
    assert all((again[name] == weights[name]).all() for name in weights)
    assert any((fresh_weights(task, seed=2)[name] != weights[name]).any() for name in weights)


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_examples_fit_the_network_and_none_is_fine(task):
    z, minutes = hours(5)
    examples = task.examples(z, minutes)
    assert len(examples) == 5
    weights = tensors(fresh_weights(task, seed=1))
    assert task.output(weights, tf.constant(examples.inputs)).shape == examples.targets.shape
    assert not len(task.examples(z[:0], minutes[:0]))


def test_a_forecast_reads_all_minutes_but_the_one_it_says():
    z, minutes = hours(4)
    examples = Forecast().examples(z, minutes)
    np.testing.assert_array_equal(examples.inputs[:, :, :2], z[:, :59])
    np.testing.assert_array_equal(examples.targets, z[:, 59])


def test_about_half_of_the_hours_are_disturbed_and_say_so_and_the_others_are_as_they_were():
    z, minutes = hours(400)
    examples = Classification().examples(z, minutes)
    disturbed = examples.targets[:, 0] == 1
    assert 0.35 < disturbed.mean() < 0.6
    shown = examples.inputs[:, :, :2]
    np.testing.assert_array_equal(shown[~disturbed], z[~disturbed])
    assert (np.square(shown[disturbed] - z[disturbed]).mean(axis=(1, 2)) >= 0.8).all()
    assert np.abs(shown).max() <= Z_CLIP


def test_an_hour_is_always_disturbed_in_the_same_way_whatever_comes_with_it():
    z, minutes = hours(40)
    together, alone = Classification().examples(z, minutes), Classification().examples(z[7:9], minutes[7:9])
    np.testing.assert_array_equal(together.inputs[7:9], alone.inputs)
    np.testing.assert_array_equal(together.targets[7:9], alone.targets)


def test_each_name_that_a_setting_can_hold_has_its_task():
    for name in TASKS:
        assert task_named(name).name == name
