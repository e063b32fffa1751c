"""What heart and breathing do together, worked out by hand: coupling, common steps, repetitions, rhythms, delays."""

from __future__ import annotations

from math import asinh, exp, log, sqrt

import numpy as np
import pytest

from detectors.features.pair import PAIR_FEATURES, RHYTHM_FEATURES, pair_features, repeated_share, rhythm_features

HOUR = np.arange(60)
SIX_HOURS = np.arange(360)


def column(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)[:, None]


def pair(heart: np.ndarray, breath: np.ndarray) -> dict[str, float]:
    return dict(zip(PAIR_FEATURES, pair_features(column(heart), column(breath))[:, 0].tolist(), strict=True))


def rhythm(heart: np.ndarray, breath: np.ndarray) -> dict[str, float]:
    return dict(zip(RHYTHM_FEATURES, rhythm_features(column(heart), column(breath))[:, 0].tolist(), strict=True))


def noise(minutes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, minutes)


def test_channels_that_stand_still_have_nothing_in_common() -> None:
    assert pair(np.ones(60), -np.ones(60)) == dict.fromkeys(PAIR_FEATURES, 0.0)


def test_the_same_course_correlates_and_the_mirrored_one_opposes() -> None:
    same, mirrored = pair(noise(60), noise(60)), pair(noise(60), -noise(60))
    assert (same["correlation"], same["difference_correlation"]) == pytest.approx((1, 1), abs=1e-3)
    assert (mirrored["correlation"], mirrored["difference_correlation"]) == pytest.approx((-1, -1), abs=1e-3)


def test_a_common_course_with_noise_of_its_own_correlates_only_in_level() -> None:
    found = pair(HOUR / 6 + noise(60, 1) / 4, HOUR / 6 + noise(60, 2) / 4)
    assert found["correlation"] > 0.95
    assert abs(found["difference_correlation"]) < 0.4


def test_a_step_that_both_take_at_the_same_minute_is_as_large_as_the_smaller() -> None:
    found = pair(np.where(HOUR < 30, 0.0, 2.0), np.where(HOUR < 30, 0.0, 1.0))
    assert found["joint_step"] == pytest.approx(asinh(1), abs=1e-5)
    assert found["joint_sharp_step"] == pytest.approx(asinh(1), abs=1e-5)
    assert found["opposed_step"] == 0


def test_opposed_steps_at_the_same_minute_are_told_apart() -> None:
    found = pair(np.where(HOUR < 30, 0.0, 2.0), np.where(HOUR < 30, 0.0, -1.0))
    assert found["opposed_step"] == pytest.approx(asinh(1), abs=1e-5)
    assert (found["joint_step"], found["joint_sharp_step"]) == (0, 0)


def test_steps_five_minutes_apart_are_joint_but_not_sharp() -> None:
    found = pair(np.where(HOUR < 30, 0.0, 2.0), np.where(HOUR < 35, 0.0, 2.0))
    assert found["joint_step"] == pytest.approx(asinh(1.4), abs=0.1)
    assert found["joint_sharp_step"] == 0


def test_a_wave_repeats_itself_after_its_period() -> None:
    found = pair(np.zeros(60), np.sin(2 * np.pi * HOUR / 20))
    assert found["autocorrelation_peak"] == pytest.approx(40 / 60, abs=0.02)
    assert pair(noise(60), noise(60, 1))["autocorrelation_peak"] < 0.4


@pytest.mark.parametrize(("period", "share"), [(4, 1.0), (7, 1.0), (30, 1.0), (31, 0.0)])
def test_a_motif_is_found_up_to_half_a_window(period: int, share: float) -> None:
    motif = 80 + np.resize(np.cumsum(1 + np.arange(period) % 3), 60)
    assert repeated_share(column(motif), column(motif / 4))[0] == pytest.approx(share, abs=0.05)


def test_both_channels_must_repeat_and_within_a_quarter_beat() -> None:
    motif = np.resize(80.0 + 3 * np.arange(10), 60)
    assert repeated_share(column(motif), column(16.0 + HOUR))[0] == 0
    assert repeated_share(column(motif + 0.02 * HOUR), column(motif))[0] == 1  # 0.2 a period
    assert repeated_share(column(motif + 0.03 * HOUR), column(motif))[0] == 0


def test_half_a_repetition_counts_by_its_root() -> None:
    heart = 80.0 + 3 * HOUR
    heart[40:] = heart[20:40]
    assert repeated_share(column(heart), column(heart))[0] == pytest.approx(sqrt(20 / 40))


def test_five_minutes_sent_again_at_once_are_the_shortest_repetition() -> None:
    heart = 80.0 + 3 * HOUR
    heart[55:] = heart[50:55]
    assert repeated_share(column(heart), column(heart))[0] == pytest.approx(sqrt(5 / 55))
    heart = 80.0 + 3 * HOUR
    heart[56:] = heart[52:56]
    assert repeated_share(column(heart), column(heart))[0] == 0


def test_a_long_window_looks_back_an_hour() -> None:
    motif = np.resize(80.0 + 3 * np.arange(60), 360)
    assert repeated_share(column(motif), column(motif))[0] == 1
    motif = np.resize(80.0 + 3 * np.arange(61), 360)
    assert repeated_share(column(motif), column(motif))[0] == 0


# --- six hours -----------------------------------------------------------------------------------------------------


def test_a_wave_of_half_an_hour_is_a_rhythm_of_its_channel_alone() -> None:
    found = rhythm(np.sin(2 * np.pi * SIX_HOURS / 30), noise(360))
    # A tapered wave spreads over 1.5 bins of 300 minutes, each sampled four times.
    assert exp(found["heart_rate_rhythm"]) == pytest.approx(1 / 6, rel=0.1)
    assert found["heart_rate_rhythm"] > found["resp_rate_rhythm"] + 1
    assert found["joint_rhythm"] < log(0.03)


def test_bumps_every_half_hour_in_both_are_a_joint_rhythm() -> None:
    bumps = np.where(SIX_HOURS % 30 < 8, 2.0, 0.0)
    both = rhythm(bumps + noise(360), bumps + noise(360, 1))
    none = rhythm(noise(360), noise(360, 1))
    assert both["joint_rhythm"] > none["joint_rhythm"] + 1
    assert both["heart_rate_rhythm"] > none["heart_rate_rhythm"] + 0.5


def test_a_slow_drift_is_no_rhythm() -> None:
    calm = rhythm(noise(360), noise(360, 1))
    drifting = rhythm(noise(360) + SIX_HOURS / 60, noise(360, 1))
    assert drifting == pytest.approx(calm, abs=0.02)


@pytest.mark.parametrize("delay_min", [0, 10, 30])
def test_a_delayed_channel_matches_at_its_delay(delay_min: int) -> None:
    course = noise(400)
    found = rhythm(course[30:390], course[30 - delay_min : 390 - delay_min])
    assert found["crossed_peak"] > 0.85
    assert (found["crossed_at_zero"] > 0.85) == (delay_min == 0)


def test_a_mirrored_channel_matches_against_the_sign() -> None:
    found = rhythm(noise(360), -noise(360))
    assert found["crossed_at_zero"] == pytest.approx(-1, abs=0.02)
    assert found["crossed_peak"] == pytest.approx(1, abs=0.02)


def test_flat_channels_have_no_rhythm() -> None:
    found = rhythm(np.ones(360), np.ones(360))
    assert all(np.isfinite(value) for value in found.values())
    assert found["heart_rate_rhythm"] == pytest.approx(log(1e-4), abs=0.1)
    assert (found["crossed_peak"], found["crossed_at_zero"]) == pytest.approx((0, 0), abs=1e-3)
