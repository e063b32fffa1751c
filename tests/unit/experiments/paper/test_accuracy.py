"""The paper's accuracy and the honest ones on hand-worked minutes."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.training.tensorflow import tf
from experiments.paper.accuracy import (
    Pool,
    argmax_accuracy,
    majority_guess,
    measured_accuracy,
    r2_by_channel,
    tolerance_accuracy,
    vital_signs,
)
from experiments.paper.inputs import MinMax

ACTUAL = np.array(
    [[[0.9, 0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4, 0.8], [0.5, 0.6, 0.1, 0.1, 0.1], [0.2, 0.1, 0.9, 0.1, 0]]]
)
REBUILT = np.array(
    [[[0.5, 0.1, 0.2, 0.3, 0.4], [0.9, 0.2, 0.3, 0.4, 0.8], [0.1, 0.6, 0.1, 0.1, 0.1], [0, 0, 0.01, 0, 0]]]
)


def test_argmax_accuracy_only_asks_which_feature_is_the_largest():
    assert argmax_accuracy(ACTUAL, REBUILT) == 0.75


def test_argmax_accuracy_is_what_keras_calls_accuracy():
    model = tf.keras.Sequential([tf.keras.layers.Input((4, 5)), tf.keras.layers.Identity()])
    model.compile(loss="mse", metrics=["accuracy"])
    _, accuracy = model.evaluate(REBUILT, ACTUAL, verbose=0)
    assert accuracy == pytest.approx(argmax_accuracy(ACTUAL, REBUILT))


def test_the_majority_guess_names_the_feature_that_is_most_often_the_largest():
    assert majority_guess(ACTUAL) == 0.25
    assert majority_guess(np.concatenate([ACTUAL, ACTUAL[:, :1]], axis=1)) == 0.4


def test_a_minute_is_within_tolerance_only_if_both_vital_signs_are():
    actual = [[40.0, 10.0], [40.0, 10.0], [40.0, 10.0], [100.0, 30.0], [100.0, 30.0], [100.0, 30.0]]
    rebuilt = [[45.0, 8.0], [45.1, 10.0], [40.0, 12.1], [110.0, 33.0], [110.1, 30.0], [100.0, 26.9]]
    assert tolerance_accuracy(actual, rebuilt) == pytest.approx(2 / 6)


def test_r2_is_one_for_a_copy_zero_for_the_mean_and_unknown_for_a_constant():
    actual = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert r2_by_channel(actual, actual)[0] == 1.0
    rebuilt = np.array([[2.0, 5.0], [2.0, 5.0], [2.0, 5.0]])
    assert r2_by_channel(actual, rebuilt)[0] == 0.0
    assert np.isnan(r2_by_channel(actual, rebuilt)[1])
    # squares left over 1 + 0 + 0 of 2
    assert r2_by_channel(actual[:, :1], [[0.0], [2.0], [3.0]])[0] == 0.5


def test_each_patients_vital_signs_are_measured_in_its_own_scale():
    scales = [MinMax(np.full(5, 60.0), np.full(5, 100.0)), MinMax(np.full(5, 10.0), np.full(5, 20.0))]
    values = np.zeros((2, 60, 5), np.float32)
    values[:, ::2, :2] = 0.5
    assert vital_signs(values[0, 0], scales[0]).tolist() == [110.0, 110.0]
    pool = Pool(values, np.array([0, 1]), scales)
    off = values.copy()
    off[..., 0] += 0.2  # 20 bpm for the first patient, 4 for the second
    measured = measured_accuracy(pool, off)
    assert measured.tolerance == pytest.approx(0.5)  # of the first patient none, of the second every minute
    assert measured.r2_resp_rate == 1.0
    assert measured_accuracy(pool, values).tolerance == 1.0
