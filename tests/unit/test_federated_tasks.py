"""Every task a federation can have: its examples, its weights' names, and what it begins with."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.preprocessing import Z_CLIP
from experiments.federation_tasks import STUDIED
from fl_device.classification import Classification
from fl_device.forecast import Forecast
from fl_device.named_tasks import TASKS, fresh_weights, task_named

EVERY_TASK = [task for task, _ in STUDIED.values()]


def hours(count: int) -> tuple[np.ndarray, np.ndarray]:
    z = np.random.default_rng(3).standard_normal((count, 60, 2)).astype(np.float32)
    minutes = 40_000_000 + 8 * np.arange(count)[:, None] + np.arange(60)
    return z, minutes.astype(np.int64)


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_fresh_weights_fit_the_network_and_come_back_as_they_went_in(task):
    weights = fresh_weights(task, seed=1)
    model = task.build()
    task.load_weights(model, weights)
    found = task.weights_of(model)
    assert list(found) == list(task.shapes)
    for name, array in found.items():
        np.testing.assert_array_equal(array, weights[name])
    again = fresh_weights(task, seed=1)
    assert all((again[name] == weights[name]).all() for name in weights)
    assert any((fresh_weights(task, seed=2)[name] != weights[name]).any() for name in weights)


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_fresh_weights_are_spread_like_those_that_keras_draws(task):
    drawn = task.weights_of(task.build())
    for name, array in fresh_weights(task, seed=1).items():
        assert array.dtype == np.float32
        assert array.std() == pytest.approx(float(drawn[name].std()), rel=0.25, abs=1e-6)


@pytest.mark.parametrize("task", EVERY_TASK, ids=lambda task: task.name)
def test_examples_fit_the_network_and_none_is_fine(task):
    z, minutes = hours(5)
    model = task.build()
    examples = task.examples(z, minutes)
    assert len(examples) == 5
    assert model(examples.inputs).shape == examples.targets.shape
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
