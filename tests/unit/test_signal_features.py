"""Features of raw signals by name: lengths, channels and scales end up where the catalogue says."""

from __future__ import annotations

from math import asinh, log

import numpy as np
import pytest

from detectors.explain import words_for
from detectors.features.catalogue import FAST, FEATURES, LATTICE, RESIDUAL, SLOW
from detectors.features.channel import channel_features
from detectors.features.long_means import LONG_MEAN_FEATURES, long_mean_features
from detectors.features.signal import Measures, fast_features, slow_features

MINUTE = np.arange(1080)


def measures(count: int = 1, *, median=(80.0, 16.0), scale=(10.0, 4.0)) -> Measures:
    pairs = (median, scale, (1.0, 1.0), (0.1, 0.1))
    return Measures(*(np.tile(np.array(pair, np.float32)[:, None], count) for pair in pairs))


def fast(heart: np.ndarray, breath: np.ndarray, **kwargs: object) -> dict[str, float]:
    bpm = np.stack([heart, breath], axis=1).astype(np.float32)[-60:, :, None]
    found = fast_features(bpm, measures(**kwargs))
    assert (found.shape, found.dtype) == ((1, len(FAST)), np.float32)
    return {feature.key: value for feature, value in zip(FAST, found[0].tolist(), strict=True)}


def slow(heart: np.ndarray, breath: np.ndarray, minute: np.ndarray = MINUTE) -> dict[str, float]:
    bpm = np.stack([heart, breath], axis=1).astype(np.float32)[:, :, None]
    found = slow_features(bpm, minute[:, None], measures())
    assert (found.shape, found.dtype) == ((1, len(SLOW)), np.float32)
    assert np.isfinite(found).all()
    return {feature.key: value for feature, value in zip(SLOW, found[0].tolist(), strict=True)}


FLAT = np.full(1080, 16.0)


def test_the_catalogue_names_every_feature_once_and_every_group_has_words() -> None:
    assert (len(FAST), len(RESIDUAL), len(SLOW), len(FEATURES)) == (46, 30, 108, 184)
    assert len({feature.key for feature in FEATURES}) == 184
    for feature in FEATURES:
        for high in (True, False):
            assert words_for(f"{feature.group} {feature.channel} {feature.minutes}", high=high)
    assert [(FEATURES[place].name, FEATURES[place].minutes) for place in sorted(LATTICE)] == [
        (name, minutes)
        for minutes in (60, 180, 360)
        for name in ("heart_rate_lattice", "resp_rate_lattice", "joint_lattice")
    ]


def test_each_channel_is_scaled_by_its_own_measure() -> None:
    found = fast(np.full(60, 90.0), np.full(60, 12.0))
    assert found["heart_rate 60 mean"] == pytest.approx(asinh(1))
    assert found["resp_rate 60 mean"] == pytest.approx(asinh(-1))
    wide = fast(np.full(60, 90.0), np.full(60, 12.0), scale=(20.0, 2.0))
    assert wide["heart_rate 60 mean"] == pytest.approx(asinh(0.5))
    assert wide["resp_rate 60 mean"] == pytest.approx(asinh(-2))


def test_what_one_channel_does_the_other_does_not_show() -> None:
    restless = 80 + np.where(MINUTE % 2, 5.0, -5.0)
    heart, breath = fast(restless, FLAT), fast(np.full(1080, 80.0), restless - 64)
    for found, moving, still in ((heart, "heart_rate", "resp_rate"), (breath, "resp_rate", "heart_rate")):
        assert found[f"{moving} 60 share_alike"] == 0
        assert found[f"{still} 60 share_alike"] == 1
        assert found["both 60 repeated_share"] == 1  # six minutes later, while the other stands still


def test_one_hour_three_and_six_look_at_so_many_minutes() -> None:
    heart = 80.0 + 10 * (MINUTE >= 1080 - 60) + 10 * (MINUTE >= 1080 - 180)
    found = slow(heart, FLAT)
    assert fast(heart, FLAT)["heart_rate 60 mean"] == pytest.approx(asinh(2))
    assert found["heart_rate 180 mean"] == pytest.approx(asinh(4 / 3))
    assert found["heart_rate 360 mean"] == pytest.approx(asinh(4 / 6))
    assert found["heart_rate 180 largest_step"] == pytest.approx(asinh(1), abs=1e-4)
    assert found["resp_rate 360 log_longest_run"] == pytest.approx(log(360))


def test_six_hours_of_minutes_spread_over_seven_say_so() -> None:
    minute = MINUTE.copy()
    assert slow(FLAT + 64, FLAT)["both 360 span"] == pytest.approx(0)
    minute[-100:] += 60
    assert slow(FLAT + 64, FLAT, minute)["both 360 span"] == pytest.approx(log(420 / 360))


def test_six_hour_windows_see_rhythm_lattice_and_drift() -> None:
    bumps = 80 + 6.0 * (MINUTE % 30 < 8) + np.random.default_rng(0).normal(0, 1, 1080)
    found = slow(bumps, FLAT)
    assert found["both 360 heart_rate_rhythm"] > found["both 360 resp_rate_rhythm"] + 1
    drifting = slow(80 + MINUTE / 60, FLAT)
    # The hour lies at -0.5 hours, the six before it at -4 hours: 3.5 hours x 1 bpm an hour / scale 10.
    assert drifting["heart_rate 1080 hour_against_six"] == pytest.approx(asinh(0.35), abs=1e-3)
    assert drifting["heart_rate 1080 three_hours_against_twelve"] == pytest.approx(asinh(0.75), abs=1e-3)
    assert drifting["resp_rate 1080 hour_against_six"] == 0


def test_a_window_does_not_depend_on_its_neighbours() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(0, 0.5, (1080, 2, 7)), axis=0)
    bpm = (walk + np.array([80.0, 16.0])[:, None]).round(1).astype(np.float32)
    minute = np.repeat(MINUTE[:, None], 7, axis=1)
    together, hours = slow_features(bpm, minute, measures(7)), fast_features(bpm[-60:], measures(7))
    for place in range(7):
        alone = slow_features(bpm[:, :, [place]], minute[:, [place]], measures())
        np.testing.assert_allclose(alone[0], together[place], atol=2e-3)
        np.testing.assert_allclose(fast_features(bpm[-60:, :, [place]], measures())[0], hours[place], atol=2e-3)


def test_the_hours_features_are_the_channels() -> None:
    walk = np.cumsum(np.random.default_rng(2).normal(0, 0.5, (60, 2)), axis=0)
    bpm = (walk + np.array([80, 16])).astype(np.float32)[:, :, None]
    z = (bpm - np.float32([[80], [16]])) / np.float32([[10], [4]])
    expected = [channel_features(z[:, at], bpm[:, at], np.ones(1, np.float32))[:, 0] for at in range(2)]
    found = fast_features(bpm, measures())[0]
    np.testing.assert_allclose(found[:36], np.concatenate(expected), atol=1e-6)


# --- the half day --------------------------------------------------------------------------------------------------


def long_means(z: np.ndarray, known: np.ndarray | None = None) -> dict[str, float]:
    known = np.ones(1080, np.bool_) if known is None else known
    found = long_mean_features(z.astype(np.float32)[:, None], known[:, None])
    return dict(zip(LONG_MEAN_FEATURES, found[:, 0].tolist(), strict=True))


def test_the_last_hour_is_compared_with_the_six_before_it() -> None:
    found = long_means((MINUTE >= 1020) * 1.0)
    assert found == pytest.approx(
        {
            "hour_against_six": asinh(1),
            "three_hours_against_twelve": asinh(1 / 3),
            "twelve_hour_mean": asinh(60 / 720),
        }
    )


def test_what_is_older_than_eighteen_hours_does_not_count() -> None:
    z = np.where(MINUTE < 500, 100.0, 1.0)
    found = long_means(z, MINUTE >= 500)
    assert found == pytest.approx(
        {"hour_against_six": 0, "three_hours_against_twelve": 0, "twelve_hour_mean": asinh(1)}
    )


def test_with_less_than_two_hours_to_compare_with_there_is_no_difference() -> None:
    z = (MINUTE >= 1020) * 1.0
    barely = long_means(z, MINUTE >= 1020 - 120)
    assert barely["hour_against_six"] == pytest.approx(asinh(1))
    too_few = long_means(z, MINUTE >= 1020 - 119)
    assert (too_few["hour_against_six"], too_few["three_hours_against_twelve"]) == (0, 0)
