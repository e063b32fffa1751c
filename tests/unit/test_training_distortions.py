"""Distortions keep a recording's shape, its gaps and its grid, and are dropped when nobody could see them."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.training.distorted import DISTORTION_NAMES, Span, distort
from detectors.training.distortions import DISTORTIONS, smoothing
from detectors.training.series import Scale

SCALE = Scale(np.array([80.0, 16.0]), np.array([6.0, 2.0]))


def vitals(seed=1, minutes=900):
    rng = np.random.default_rng(seed)
    values = np.round(SCALE.median + SCALE.scale * rng.standard_normal((minutes, 2)), 1)
    values[100:120] = np.nan
    values[300, 1] = np.nan
    return values


@pytest.mark.parametrize("distortion", DISTORTIONS, ids=lambda distortion: distortion.__name__)
def test_each_distortion_changes_a_series_and_keeps_its_length(distortion):
    x = np.random.default_rng(3).standard_normal(360)
    changed = [distortion(x.copy(), np.random.default_rng(seed)) for seed in range(5)]
    assert all(after.shape == x.shape and np.isfinite(after).all() for after in changed)
    assert any(np.abs(after - x).mean() > 0.05 for after in changed)


def test_the_same_generator_gives_the_same_distortion():
    x = np.random.default_rng(3).standard_normal(300)
    for distortion in DISTORTIONS:
        first, second = (distortion(x, np.random.default_rng(9)) for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_smoothing_makes_smoother():
    x = np.random.default_rng(3).standard_normal(300)
    assert np.diff(smoothing(x, np.random.default_rng(0))).std() < 0.5 * np.diff(x).std()


def test_only_the_span_changes_gaps_stay_and_values_lie_on_the_grid():
    before, stranger = vitals(), vitals(2)
    made = 0
    for seed in range(40):
        distorted = distort(before, stranger, Span(60, 400), SCALE, 1.0, np.random.default_rng(seed))
        if distorted is None:
            continue
        assert distorted.names <= set(DISTORTION_NAMES)
        assert distorted.names
        after = distorted.vitals
        made += 1
        np.testing.assert_array_equal(after[:60], before[:60])
        np.testing.assert_array_equal(after[400:], before[400:])
        np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
        changed = after[after != before]
        np.testing.assert_allclose(changed[~np.isnan(changed)] % 1.0, 0.0)
    assert made > 20


def test_a_change_that_nobody_could_see_is_dropped():
    flat = np.tile([80.0, 16.0], (400, 1))
    outcomes = [distort(flat, flat, Span(0, 400), SCALE, 0.1, np.random.default_rng(seed)) for seed in range(60)]
    assert any(outcome is None for outcome in outcomes)
    for outcome in outcomes:
        assert outcome is None or (np.abs(outcome.vitals - flat) / SCALE.scale).mean(axis=0).max() > 0.01
