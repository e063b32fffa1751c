"""Distortions keep a recording's shape, its gaps and its grid, and are dropped when nobody could see them."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.training.network.distorted import HIGHEST_SHOWN, LOWEST_SHOWN, distorted
from detectors.training.network.distortions import DISTORTIONS, smoothing
from detectors.training.network.pair_distortions import PAIR_DISTORTIONS, Pair

SCALE, GRID_BPM = np.array([6.0, 2.0]), np.array([1.0, 1.0])


def vitals(seed=1, minutes=1200):
    rng = np.random.default_rng(seed)
    values = np.round(np.array([80.0, 16.0]) + SCALE * rng.standard_normal((minutes, 2)))
    values[800:820] = np.nan
    values[900, 1] = np.nan
    return values


@pytest.mark.parametrize("distortion", DISTORTIONS, ids=lambda distortion: distortion.__name__)
def test_each_distortion_changes_a_series_and_keeps_its_length(distortion):
    x = np.random.default_rng(3).standard_normal(360)
    changed = [distortion(x.copy(), np.random.default_rng(seed)) for seed in range(5)]
    assert all(after.shape == x.shape and np.isfinite(after).all() for after in changed)
    assert any(np.abs(after - x).mean() > 0.05 for after in changed)


@pytest.mark.parametrize("distortion", PAIR_DISTORTIONS, ids=lambda distortion: distortion.__name__)
def test_each_distortion_of_both_channels_leaves_its_input_alone_and_is_seeded(distortion):
    draw = np.random.default_rng(3).standard_normal
    pair = Pair(draw((200, 2)), draw((700, 2)), draw((400, 2)))
    before = pair.span.copy()
    first, second = (distortion(pair, np.random.default_rng(9)) for _ in range(2))
    assert first.shape == before.shape
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(pair.span, before)
    assert np.abs(first - before).max() > 0.05


def test_smoothing_makes_smoother():
    x = np.random.default_rng(3).standard_normal(300)
    assert np.diff(smoothing(x, np.random.default_rng(0))).std() < 0.5 * np.diff(x).std()


def test_only_the_span_changes_gaps_stay_and_values_lie_on_the_grid_of_a_monitor():
    before, stranger = vitals(), vitals(2)[:700]
    made = 0
    for seed in range(40):
        after = distorted(before, stranger, (760, 1000), SCALE, GRID_BPM, np.random.default_rng(seed))
        if after is None:
            continue
        made += 1
        np.testing.assert_array_equal(after[:760], before[:760])
        np.testing.assert_array_equal(after[1000:], before[1000:])
        np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
        known = after[~np.isnan(after).any(axis=1)]
        np.testing.assert_allclose(known % 1.0, 0.0)
        assert ((known >= LOWEST_SHOWN) & (known <= HIGHEST_SHOWN)).all()
    assert made > 25


def test_a_change_that_nobody_could_see_is_dropped():
    flat = np.tile([80.0, 16.0], (1000, 1))
    found = [
        distorted(flat, flat[:600], (700, 900), SCALE, GRID_BPM, np.random.default_rng(seed)) for seed in range(60)
    ]
    assert any(after is None for after in found)
    for after in found:
        assert after is None or np.sqrt((((after - flat)[700:900] / SCALE) ** 2).mean()) >= 0.2
