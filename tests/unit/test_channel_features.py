"""One channel's features, worked out by hand on lines that anyone can draw."""

from __future__ import annotations

from math import asinh, log

import numpy as np
import pytest

from detectors.features.channel import CHANNEL_FEATURES, channel_features, moving_mean, steps

MINUTE = np.arange(60)


def features(z: np.ndarray, bpm: np.ndarray | None = None, difference_sd: float = 1.0) -> dict[str, float]:
    z = np.asarray(z, np.float32)[:, None]
    bpm = 80 + 10 * z if bpm is None else np.asarray(bpm, np.float32)[:, None]
    found = channel_features(z, bpm, np.array([difference_sd], np.float32))
    assert found.dtype == np.float32
    return dict(zip(CHANNEL_FEATURES, found[:, 0].tolist(), strict=True))


def test_a_flat_line() -> None:
    expected = dict.fromkeys(CHANNEL_FEATURES, 0.0) | {
        "mean": asinh(1),
        "log_variance": log(1e-4),
        "log_difference_power": log(1e-4),
        "log_difference_mean": log(0.01),
        "log_usual_difference": log(0.1),
        "log_usual_deviation": log(0.1),
        "log_band_power": log(1e-4),
        "share_alike": 1.0,
        "log_longest_run": log(1 + 59),
        "log_largest_difference": log(0.05),
        "log_kurtosis": log(0.1),
    }
    assert features(np.ones(60)) == pytest.approx(expected, abs=1e-3)


def test_a_ramp_is_a_slope_and_nothing_else() -> None:
    found = features(np.linspace(-1, 1, 60))
    assert found["slope"] == pytest.approx(asinh(1), abs=1e-5)
    assert found["mean"] == pytest.approx(0, abs=1e-6)
    assert found["log_variance"] == pytest.approx(log(1e-4), abs=1e-2)
    assert found["log_difference_power"] == pytest.approx(log((2 / 59) ** 2 + 1e-4), abs=1e-4)
    assert found["sharpest_step"] == pytest.approx(asinh(2 / 59), abs=1e-4)


def test_a_step_of_two() -> None:
    found = features(np.where(MINUTE < 30, 0.0, 2.0))
    assert found["largest_step"] == pytest.approx(asinh(2), abs=1e-5)
    assert found["sharpest_step"] == pytest.approx(asinh(2), abs=1e-5)
    assert found["share_alike"] == pytest.approx(58 / 59)
    assert found["log_longest_run"] == pytest.approx(log(1 + 29))
    assert found["log_difference_power"] == pytest.approx(log(4 / 59 + 1e-4), abs=1e-5)
    assert found["log_difference_mean"] == pytest.approx(log(2 / 59 + 0.01), abs=1e-5)
    assert found["log_largest_difference"] == pytest.approx(log(2.05), abs=1e-5)
    assert found["log_ratio_of_halves"] == pytest.approx(log(0.01 / (4 / 30 + 0.01)), abs=1e-4)


def test_the_usual_difference_hardly_hears_a_single_artefact_and_its_mean_square_does() -> None:
    restless = np.where(MINUTE % 2, 1.0, -1.0)
    spiked = restless.copy()
    spiked[31] = 40.0
    calm, found = features(restless), features(spiked)
    assert calm["log_usual_difference"] == pytest.approx(log(2.1), abs=1e-5)
    assert found["log_usual_difference"] - calm["log_usual_difference"] == pytest.approx(
        2 * log(41.1 / 2.1) / 59, abs=1e-5
    )
    assert found["log_difference_power"] - calm["log_difference_power"] > 2
    assert abs(found["log_usual_deviation"] - calm["log_usual_deviation"]) < 0.3
    assert found["log_variance"] - calm["log_variance"] > 2


def test_the_same_step_over_ten_minutes_is_large_but_not_sharp() -> None:
    found = features(np.clip((MINUTE - 25) / 5, 0, 2))
    assert found["largest_step"] == pytest.approx(asinh(1.5), abs=0.05)
    assert found["sharpest_step"] == pytest.approx(asinh(0.2), abs=1e-4)


def test_alternating_minutes_are_rough_and_turn_back_every_time() -> None:
    found = features(np.where(MINUTE % 2, 1.0, -1.0))
    assert found["log_difference_power"] == pytest.approx(log(4), abs=1e-3)
    assert found["difference_autocorrelation"] == pytest.approx(-1, abs=1e-3)
    assert found["share_alike"] == 0
    assert found["log_longest_run"] == 0
    assert found["log_variance"] == pytest.approx(0, abs=2e-3)
    assert found["log_kurtosis"] == pytest.approx(log(1.1), abs=5e-3)


def test_roughness_is_measured_by_the_devices_own() -> None:
    z = np.where(MINUTE % 2, 1.0, -1.0)
    usual, calm = features(z), features(z, difference_sd=4.0)
    assert usual["log_difference_power"] - calm["log_difference_power"] == pytest.approx(log(16), abs=1e-2)
    assert usual["largest_step"] == calm["largest_step"]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_one_impulse_is_lopsided_and_pointed(sign: float) -> None:
    found = features(np.where(MINUTE == 30, 5.0 * sign, 0.0))
    variance, mean = 25 / 60 - (5 / 60) ** 2, 5 / 60
    third = ((5 - mean) ** 3 - 59 * mean**3) / 60
    assert found["skew"] == pytest.approx(sign * np.cbrt(third / variance**1.5), abs=0.05)
    assert found["log_kurtosis"] > log(40)
    assert abs(found["difference_skew"]) < 0.1  # up and down again


def test_a_saw_climbs_slowly_and_falls_at_once() -> None:
    found = features((MINUTE % 10) / 10.0)
    assert found["difference_skew"] < -1
    assert features(-(MINUTE % 10) / 10.0)["difference_skew"] > 1


def test_the_band_lets_waves_of_a_quarter_hour_through_and_no_others() -> None:
    power = {period: features(np.sin(2 * np.pi * MINUTE / period))["log_band_power"] for period in (2.5, 14, 60)}
    assert power[14] > log(0.2)
    assert power[2.5] < power[14] - 2
    assert power[60] < power[14] - 2


def test_minutes_are_alike_within_a_quarter_beat_whatever_the_scale() -> None:
    z = MINUTE * 1.0
    assert features(z, 80 + 0.24 * MINUTE)["share_alike"] == 1
    assert features(z, 80 + 0.26 * MINUTE)["share_alike"] == 0


def test_a_run_is_the_longest_stretch_of_like_minutes() -> None:
    bpm = 80 + np.where((MINUTE >= 10) & (MINUTE < 25), 0.0, MINUTE % 2)
    assert features(np.zeros(60), bpm)["log_longest_run"] == pytest.approx(log(1 + 14))


def test_steps_need_ten_minutes_on_both_sides() -> None:
    z = np.where(MINUTE < 3, 0.0, 5.0).astype(np.float32)[:, None]
    step, sharp = steps(z, np.diff(z, axis=0))
    assert step.shape == sharp.shape == (60 - 19, 1)
    assert step[0, 0] == pytest.approx(5 - 3.5)
    assert not sharp.any()  # the jump lies before the first place


def test_a_jump_against_the_step_is_not_sharp() -> None:
    z = np.where(MINUTE < 30, 0.0, 2.0)
    z[30] = -1.0
    assert features(z)["sharpest_step"] == pytest.approx(asinh(1.7), abs=0.2)
    assert features(np.where(MINUTE < 30, 0.0, -1.0) + 0.1 * MINUTE)["sharpest_step"] < asinh(1)


def test_the_moving_mean() -> None:
    values = np.array([1, 2, 3, 4], np.float32)[:, None]
    assert moving_mean(values, 3)[:, 0].tolist() == [2, 3]


def test_a_window_does_not_depend_on_its_neighbours() -> None:
    z = np.cumsum(np.random.default_rng(0).normal(0, 0.3, (180, 9)), axis=0).astype(np.float32)
    sd = np.linspace(0.2, 1.0, 9, dtype=np.float32)
    together = channel_features(z, 80 + z, sd)
    for place in range(9):
        alone = channel_features(z[:, [place]], 80 + z[:, [place]], sd[[place]])
        np.testing.assert_allclose(alone[:, 0], together[:, place], atol=1e-3)
