"""Every task a federation can have: its examples, its weights' names, and what it begins with."""

from __future__ import annotations

import numpy as np
import pytest
from keras_networks import BUILD

from detectors.minutes.windows import Z_CLIP
from detectors.network.layout import CONTEXT_SIZE, CONTEXT_STATISTICS
from detectors.network.runtime import DensityNetwork
from detectors.training.network.architecture import build_network, load_weights, network_inputs
from detectors.training.network.loss import log_probability
from detectors.training.tensorflow import tf
from fl_device.host.preparation import TASKS
from fl_device.tasks.classification import Classification
from fl_device.tasks.forecast import Forecast
from fl_device.tasks.fresh_weights import SHAPES, fresh_weights
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import OwnHours
from fl_device.training.course import Course
from fl_device.training.local import LocalTrainer

EVERY_TASK = list(TASKS.values())
WITH_A_TWIN = [Forecast(), Classification()]
"""Tasks whose whole network Keras builds from its own layers."""


def hours(count: int) -> OwnHours:
    rng = np.random.default_rng(3)
    z = np.round(8 * rng.standard_normal((count, 60, 2))).astype(np.float32) / 8
    minutes = 40_000_000 + 8 * np.arange(count)[:, None] + np.arange(60)
    weight = (rng.random(z.shape) < 0.9).astype(np.float32)
    context = rng.standard_normal(CONTEXT_SIZE).astype(np.float32)
    return OwnHours(z, weight, minutes.astype(np.int64), context, np.full(2, 1 / 16, np.float32))


def part_of(whole: OwnHours, part: slice) -> OwnHours:
    arrays = whole.z[part], whole.weight[part], whole.event_minute[part]
    return OwnHours(*arrays, whole.context, whole.half_cell)


def tensors(weights):
    return {name: tf.constant(array) for name, array in weights.items()}


def weights_from_keras(task, model):
    return dict(zip(task.shapes, model.get_weights(), strict=True))


@pytest.mark.parametrize("task", WITH_A_TWIN, ids=lambda task: task.name)
def test_a_tasks_network_and_its_gradients_are_those_of_keras_layers(task):
    model = BUILD[task.name]()
    weights = fresh_weights(task.shapes, seed=1)
    model.set_weights(list(weights.values()))
    examples = task.examples(hours(5))
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


@pytest.mark.parametrize("task", WITH_A_TWIN, ids=lambda task: task.name)
def test_fresh_weights_are_spread_like_those_that_keras_draws_and_the_same_for_a_seed(task):
    weights = fresh_weights(task.shapes, seed=1)
    for name, drawn in weights_from_keras(task, BUILD[task.name]()).items():
        assert weights[name].dtype == np.float32
        assert weights[name].std() == pytest.approx(float(drawn.std()), rel=0.25, abs=1e-6)
    again = fresh_weights(task.shapes, seed=1)
    assert all((again[name] == weights[name]).all() for name in weights)
    assert any((fresh_weights(task.shapes, seed=2)[name] != weights[name]).any() for name in weights)


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_examples_fit_the_network_and_none_is_fine(task):
    examples = task.examples(hours(5))
    assert len(examples) == 5
    assert examples.inputs.dtype == examples.targets.dtype == np.float32
    weights = tensors(fresh_weights(task.shapes, seed=1))
    loss = task.loss(weights, tf.constant(examples.inputs), tf.constant(examples.targets))
    assert loss.shape == (5,)
    assert np.isfinite(loss).all()
    assert not len(task.examples(part_of(hours(5), slice(0))))


def test_the_detectors_network_and_its_gradients_are_those_of_its_keras_model():
    task, own = Reconstruction(), hours(5)
    weights = fresh_weights(task.shapes, seed=1)
    model = build_network()
    load_weights(model, weights)
    examples, ours = task.examples(own), tensors(weights)
    context = tf.constant(np.tile(np.clip(own.context, -4, 4), (5, 1)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(ours)
        mine = task.loss(ours, tf.constant(examples.inputs), tf.constant(examples.targets))
        outputs = model([*network_inputs(own.z, own.weight), context])
        measured = own.weight[:, 8:58]
        found = log_probability(own.z, np.tile(own.half_cell, (5, 1)), *outputs) * measured
        theirs = -tf.reduce_sum(found, (1, 2)) / measured.sum((1, 2))
    np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    slopes = tape.gradient(theirs, {one.path: one for one in model.trainable_variables})
    found = tape.gradient(mine, ours)
    trained = [name for name in weights if name not in CONTEXT_STATISTICS]
    assert len(slopes) == len(trained)
    for path, slope in slopes.items():
        name = next(name for name in trained if path.replace("lstm_cell/", "").endswith(name))
        np.testing.assert_allclose(found[name], slope, atol=1e-4)
        assert np.abs(slope).max() > 1e-4


def test_what_the_detectors_network_learns_here_its_runtime_speaks_and_the_contexts_statistics_stay():
    task, own = Reconstruction(), hours(12)
    weights = fresh_weights(task.shapes, seed=1)
    weights["context_mean"] = np.full(CONTEXT_SIZE, 0.25, np.float32)
    examples = task.examples(own)
    result = LocalTrainer(task).train(weights, examples, Course(8, 4, 1e-2, seed=0))
    assert result.loss_after < 0.95 * result.loss_before
    for name in CONTEXT_STATISTICS:
        np.testing.assert_array_equal(result.weights[name], weights[name])
    theirs = task.output(tensors(result.weights), tf.constant(examples.inputs)).numpy()
    mine = DensityNetwork(result.weights).expected(own.z, own.weight, np.tile(own.context, (12, 1)))
    np.testing.assert_allclose(mine, theirs[:, 30:45], atol=1e-4)


def test_a_forecast_reads_all_minutes_but_the_one_it_says():
    own = hours(4)
    examples = Forecast().examples(own)
    np.testing.assert_array_equal(examples.inputs[:, :, :2], own.z[:, :59])
    np.testing.assert_array_equal(examples.targets, own.z[:, 59])


def test_about_half_of_the_hours_are_disturbed_and_say_so_and_the_others_are_as_they_were():
    own = hours(400)
    z, examples = own.z, Classification().examples(own)
    disturbed = examples.targets[:, 0] == 1
    assert 0.35 < disturbed.mean() < 0.6
    shown = examples.inputs[:, :, :2]
    np.testing.assert_array_equal(shown[~disturbed], z[~disturbed])
    assert (np.square(shown[disturbed] - z[disturbed]).mean(axis=(1, 2)) >= 0.8).all()
    assert np.abs(shown).max() <= Z_CLIP


def test_an_hour_is_always_disturbed_in_the_same_way_whatever_comes_with_it():
    own = hours(40)
    together, alone = (Classification().examples(part_of(own, part)) for part in (slice(None), slice(7, 9)))
    np.testing.assert_array_equal(together.inputs[7:9], alone.inputs)
    np.testing.assert_array_equal(together.targets[7:9], alone.targets)


def test_each_name_that_a_setting_can_hold_has_its_task():
    for name in TASKS:
        assert TASKS[name].name == name
        assert SHAPES[name]() == TASKS[name].shapes
    assert SHAPES.keys() == TASKS.keys()
