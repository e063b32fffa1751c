"""Intervals and areas, worked by hand or known from tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.grid_auc import window_auc
from experiments.grid_intervals import median_of, poisson_rate, wilson

RNG = np.random.default_rng(0)


def test_wilson_agrees_with_the_formula_worked_by_hand():
    # 8 of 10: (.8 + 3.8415/20 +- 1.96 sqrt(.8 .2 / 10 + 3.8415/400)) / (1 + 3.8415/10)
    one = wilson(8, 10)
    assert one.value == 0.8
    assert (one.low, one.high) == pytest.approx((0.4902, 0.9433), abs=2e-4)
    assert one.n == 10


def test_wilson_at_the_ends_touches_them_and_nothing_is_known_of_nobody():
    assert (wilson(0, 10).low, wilson(0, 10).high) == pytest.approx((0.0, 0.2775), abs=2e-4)
    assert (wilson(10, 10).low, wilson(10, 10).high) == pytest.approx((0.7225, 1.0), abs=2e-4)
    assert math.isnan(wilson(0, 0).value)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (20, 12.2165, 30.8884)],
)
def test_poisson_limits_are_those_of_the_tables(events, low, high):
    one = poisson_rate(events, 10.0)
    assert one.value == events / 10
    assert (one.low * 10, one.high * 10) == pytest.approx((low, high), abs=1e-3)


def test_the_median_of_devices_lets_never_stand_for_infinity():
    assert median_of([30.0, 10.0, math.inf], RNG, 200).value == 30
    assert math.isinf(median_of([30.0, math.inf, math.inf], RNG, 200).value)
    one = median_of([10.0] * 5, RNG, 200)
    assert (one.low, one.value, one.high) == (10, 10, 10)


def test_the_area_counts_pairs_of_windows_and_ties_by_halves():
    # attacked 3, 1 against clean 2, 1, 0: 3 wins three, 1 wins one and ties one: 4.5 of 6
    one = window_auc([np.array([3.0, 1.0])], [np.array([2.0])], [np.array([1.0, 0.0])], RNG, 50)
    assert one.value == pytest.approx(4.5 / 6)
    assert one.n == 1


def test_the_area_weighs_windows_alike_whosever_they_are():
    attacked = [np.array([5.0]), np.array([0.0, 0.0, 0.0])]
    assert window_auc(attacked, [np.empty(0)] * 2, [np.array([1.0])], RNG, 50).value == pytest.approx(0.25)


def test_one_device_that_differs_makes_the_interval_wide_however_many_windows_it_has():
    attacked = [np.full(500, 2.0), np.full(500, 2.0), np.full(500, 0.0)]
    one = window_auc(attacked, [np.empty(0)] * 3, [np.full(500, 1.0)] * 3, RNG, 500)
    assert one.low == 0
    assert one.high == 1
    assert one.value == pytest.approx(2 / 3)
