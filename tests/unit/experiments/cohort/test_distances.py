from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from experiments.cohort.distances import distance, percentile

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RNG.normal(0, 1, 40), RNG.normal(1, 2, 70)),
        (RNG.integers(0, 5, 30).astype(float), RNG.integers(2, 9, 25).astype(float)),  # ties within and across
        (np.array([3.0]), np.array([1.0, 2.0, 3.0, 4.0])),
    ],
)
def test_distances_are_those_of_scipy(first, second):
    apart = distance(first, second, np.random.default_rng(0), draws=20)
    pooled = np.sqrt((np.var(first) + np.var(second)) / 2 + ((first.mean() - second.mean()) / 2) ** 2)
    assert apart.ks == pytest.approx(stats.ks_2samp(first, second).statistic)
    assert apart.wasserstein == pytest.approx(stats.wasserstein_distance(first, second) / pooled)


def test_a_sample_is_at_no_distance_from_itself():
    values = np.random.default_rng(1).normal(80, 10, 60)
    apart = distance(values, values, np.random.default_rng(2), draws=200)
    assert (apart.ks, apart.wasserstein) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert apart.size == "none seen"
    assert apart.ks_interval[0] == apart.wasserstein_interval[0] == 0.0
    assert 0.1 < apart.ks_by_chance < 0.4


def test_a_shifted_sample_is_far_with_an_interval_that_leaves_chance_out():
    values = np.random.default_rng(1).normal(80, 10, 60)
    apart = distance(values, values + 20, np.random.default_rng(2), draws=200)
    assert apart.ks > 0.6
    assert apart.size == "large"
    assert apart.ks_by_chance < apart.ks_interval[0] <= apart.ks <= apart.ks_interval[1] + 0.1
    assert apart.wasserstein_interval[0] < apart.wasserstein < apart.wasserstein_interval[1]


def test_samples_that_do_not_overlap_are_at_the_greatest_distance():
    apart = distance(np.zeros(6), np.ones(9), np.random.default_rng(0), draws=20)
    assert (apart.ks, apart.wasserstein) == pytest.approx((1.0, 2.0))


def test_samples_of_one_equal_value_are_at_no_distance():
    apart = distance(np.full(5, 3.0), np.full(7, 3.0), np.random.default_rng(0), draws=20)
    assert (apart.ks, apart.ks_by_chance, apart.wasserstein) == (0.0, 0.0, 0.0)


def test_chance_covers_95_percent_of_equal_populations():
    rng = np.random.default_rng(3)
    seen = [distance(rng.normal(size=30), rng.normal(size=60), rng, draws=200).size for _ in range(200)]
    assert 0.90 <= seen.count("none seen") / len(seen) <= 0.99


def test_percentile_counts_ties_half():
    population = np.array([1.0, 2.0, 2.0, 3.0])
    assert [percentile(value, population) for value in (0.0, 1.0, 2.0, 3.0, 9.0)] == [0.0, 12.5, 50.0, 87.5, 100.0]
