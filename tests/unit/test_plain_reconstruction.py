"""What a person is shown as the model's expectation: every minute of a usable window, once, in bpm."""

from __future__ import annotations

import numpy as np
from random_bundle import random_bundle

from detectors.plain_reconstruction import rebuild

WEIGHTS = random_bundle(1).autoencoder
FIRST = 6_000_000  # a full hour


def rebuilt(minutes: int, missing: slice = slice(0, 0)):
    at = FIRST + np.arange(minutes)
    heart = 80.0 + np.sin(np.arange(minutes) / 9)
    heart[missing] = np.nan
    return rebuild(WEIGHTS, at, heart, heart / 5, (80.0, 16.0), (4.0, 1.5))


def test_all_minutes_of_some_hours_are_rebuilt_once_and_within_the_models_reach():
    minute, values = rebuilt(150)
    assert minute.tolist() == list(range(FIRST, FIRST + 150))
    assert (np.abs(values - [80.0, 16.0]) <= np.array([8.0, 3.0]) + 1e-4).all()


def test_an_hour_that_is_over_does_not_change_any_more():
    before, after = rebuilt(130), rebuilt(170)
    np.testing.assert_array_equal(before[1][:120], after[1][:120])


def test_a_short_or_empty_series_gives_nothing_and_a_long_gap_no_minutes():
    assert len(rebuilt(0)[0]) == len(rebuilt(59)[0]) == 0
    minute, values = rebuilt(300, missing=slice(100, 220))
    assert not set(range(FIRST + 111, FIRST + 220)) & set(minute.tolist())
    assert np.isfinite(values).all()
