"""The DNNs as they run: what they read, and their arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from plain_detector import plain_parameters

from detectors.baseline.own_past import OwnPast
from detectors.scoring.classifier import MEMBERS, classifier_shapes, input_sizes, inputs, logit
from detectors.scoring.components import components_of, tail_features_of
from detectors.scoring.tails import fast_columns, slow_columns
from detectors.statistics.registry import columns

PARAMETERS = plain_parameters(1)
COUNT, FAST, SLOW = len(columns()), len(fast_columns()), len(slow_columns())


def test_the_logit_is_the_mean_of_its_members() -> None:
    rng = np.random.default_rng(0)
    weights = PARAMETERS.classifiers["fast"]
    read = rng.standard_normal((5, input_sizes()["fast"])).astype(np.float32)
    by_hand = []
    for member in range(MEMBERS):
        hidden = read.astype(np.float64)
        for name in ("hidden_0", "hidden_1"):
            hidden = np.maximum(hidden @ weights[f"{name}/kernel"][member] + weights[f"{name}/bias"][member], 0)
        by_hand.append((hidden @ weights["logit/kernel"][member] + weights["logit/bias"][member])[:, 0])
    np.testing.assert_allclose(logit(weights, read), np.mean(by_hand, axis=0), rtol=1e-6)


def test_widths_are_64_32_1() -> None:
    shapes = classifier_shapes(10)
    assert list(shapes.values()) == [
        (MEMBERS, 10, 64), (MEMBERS, 64), (MEMBERS, 64, 32), (MEMBERS, 32), (MEMBERS, 32, 1), (MEMBERS, 1),
    ]  # fmt: skip


def test_the_fast_one_reads_up_to_three_hours_and_the_slow_one_six_and_both_how_rare_the_hour_is() -> None:
    r = np.arange(COUNT, dtype=np.float64)[None] / 100
    read = inputs(r, np.full((1, FAST), 4.0), np.full((1, SLOW), 9.0))
    slow = np.array([column.minutes == 360 for column in columns()])
    np.testing.assert_allclose(read["fast"][0], np.r_[r[0, ~slow] / 2, [1.4] * FAST], rtol=1e-6)
    np.testing.assert_allclose(read["slow"][0], np.r_[r[0, slow] / 2, [2.4] * SLOW, [1.4] * FAST], rtol=1e-6)
    assert {name: part.shape[1] for name, part in read.items()} == input_sizes()


@pytest.mark.parametrize(
    ("r", "u", "expected_r", "expected_u"), [(25.0, 40.0, 3.0, np.sqrt(12) - 0.6), (-25.0, 0.0, -3.0, -0.6)]
)
def test_inputs_are_bounded(r: float, u: float, expected_r: float, expected_u: float) -> None:
    read = inputs(np.full((1, COUNT), r), np.full((1, FAST), u), np.full((1, SLOW), u))
    assert read["fast"][0, 0] == pytest.approx(expected_r)
    assert read["slow"][0, -1] == pytest.approx(expected_u)


def test_a_decision_alone_is_judged_as_it_is_among_others() -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((40, COUNT))
    past = OwnPast(np.zeros((40, COUNT)), np.full((40, COUNT), 0.3), np.full((40, 1), 30.0))
    found = tail_features_of(PARAMETERS, values, past)
    together = components_of(PARAMETERS.classifiers, found)
    alone = tail_features_of(PARAMETERS, values[7:8], OwnPast(*(part[7:8] for part in past)))
    for one, many in zip(components_of(PARAMETERS.classifiers, alone), together, strict=True):
        np.testing.assert_allclose(one[0], many[7], rtol=1e-9)
    assert (found.u >= 0).all()
