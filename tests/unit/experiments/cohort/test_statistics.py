from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.cohort.statistics import (
    HOURLY,
    MINUTE,
    autocorrelation,
    correlation,
    gap_lengths,
    hourly_means,
    hourly_statistics,
    hourly_values,
    kurtosis,
    minute_statistics,
    whole_share,
    without_artefacts,
)

NAN = math.nan


def test_every_statistic_of_the_catalogues_is_measured_and_no_other():
    heart, breath = np.arange(1440.0) % 7 + 70, np.arange(1440.0) % 5 + 15
    assert list(minute_statistics(heart, breath)) == [statistic.name for statistic in MINUTE]
    assert list(hourly_statistics(heart, breath)) == [statistic.name for statistic in HOURLY]


def test_levels_spreads_and_differences_of_a_saw_tooth():
    # 70, 71, 70, 71 ... half a beat around 70.5, every difference plus or minus one
    found = minute_statistics(np.tile([70.0, 71.0], 720), np.tile([15.0, 15.0, 16.0, 16.0], 360))
    assert found["hr_mean"] == 70.5
    assert found["hr_within_sd"] == 0.5
    assert found["hr_step_sd"] == pytest.approx(1.0, abs=1e-6)
    assert found["hr_step_kurtosis"] == pytest.approx(1.0, abs=1e-4)
    assert found["hr_zero_step_share"] == 0.0
    assert found["rr_zero_step_share"] == pytest.approx(720 / 1439)
    assert found["hr_autocorrelation_1_min"] == pytest.approx(-1.0)
    assert found["hr_autocorrelation_60_min"] == pytest.approx(1.0)
    assert found["hr_whole_share"] == 1.0


def test_gaps_and_artefacts_are_counted_per_day_and_channel():
    heart, breath = np.full(2880, 80.0), np.full(2880, 15.0)
    heart[[0, 10, 11, 12, 2879]] = NAN
    heart[20], heart[21] = 12.0, 301.0
    breath[5] = 2.9
    found = minute_statistics(heart, breath)
    assert found["hr_missing_share"] == 5 / 2880
    assert (found["hr_gaps_per_day"], found["hr_gap_median_min"], found["hr_gap_longest_min"]) == (1.5, 1.0, 3.0)
    assert (found["hr_artefacts_per_day"], found["rr_artefacts_per_day"]) == (1.0, 0.5)
    assert found["hr_mean"] == 80.0
    assert found["rr_gaps_per_day"] == 0.0
    assert math.isnan(found["rr_gap_median_min"])


def test_what_a_recording_is_too_short_or_too_constant_for_is_nan():
    found = minute_statistics(np.full(8, 80.0), np.arange(8.0) + 12)
    assert found["hr_step_sd"] == 0.0
    assert found["rr_mean"] == 15.5
    for name in ("hr_autocorrelation_1_min", "rr_autocorrelation_5_min", "rr_step_kurtosis", "rr_gaps_per_day"):
        assert math.isnan(found[name]), name
    assert all(
        math.isnan(value) for name, value in minute_statistics(*np.full((2, 60), NAN)).items() if "missing" not in name
    )


def test_gap_lengths_include_those_at_the_edges():
    assert gap_lengths(np.array([NAN, 1, NAN, NAN, 2, NAN])).tolist() == [1, 2, 1]
    assert gap_lengths(np.array([1.0, 2.0])).tolist() == []


def test_correlation_uses_the_pairs_that_are_both_measured():
    first = np.array([NAN, *range(12), 5.0])
    assert correlation(first, np.array([9.0, *range(0, 24, 2), NAN])) == pytest.approx(1.0)
    assert correlation(first, np.array([9.0, *range(12, 0, -1), NAN])) == pytest.approx(-1.0)
    assert math.isnan(correlation(first[:12], first[:12]))  # eleven pairs
    assert math.isnan(correlation(first, np.full(14, 3.0)))


def test_autocorrelation_is_taken_across_gaps():
    values = np.sin(np.arange(200.0) * 2 * np.pi / 20)
    values[50:60] = NAN
    assert autocorrelation(values, 20) == pytest.approx(1.0)
    assert autocorrelation(values, 10) == pytest.approx(-1.0)


def test_kurtosis_is_3_for_normal_and_large_for_rare_jumps():
    assert kurtosis(np.random.default_rng(1).standard_normal(100_000)) == pytest.approx(3.0, abs=0.1)
    jumps = np.zeros(100)
    jumps[0] = 1.0
    assert kurtosis(jumps) == pytest.approx((0.99**4 * 0.01 + 0.01**4 * 0.99) / (0.01 * 0.99) ** 2)
    assert math.isnan(kurtosis(np.zeros(100)))


def test_artefacts_are_outside_the_detectors_bounds():
    np.testing.assert_array_equal(without_artefacts(np.array([19.9, 20, 300, 301]), 0), [NAN, 20, 300, NAN])
    np.testing.assert_array_equal(without_artefacts(np.array([2.9, 3, 100, 101]), 1), [NAN, 3, 100, NAN])


def test_hourly_means_need_half_of_the_hour():
    values = np.concatenate([np.full(60, 80.0), np.full(60, NAN), np.full(60, 90.0), np.full(30, 1.0)])
    values[60:90] = 70.0
    values[120:151] = NAN
    np.testing.assert_array_equal(hourly_means(values), [80.0, 70.0, NAN])


def test_hourly_values_are_read_where_they_were_charted():
    charted_at = np.arange(17, 24 * 60, 60)
    levels = np.random.default_rng(2).integers(60, 100, len(charted_at)).astype(float)
    line = np.interp(np.arange(24 * 60), charted_at, levels, left=NAN, right=NAN)
    heart, breath = hourly_values(line, line / 4)
    np.testing.assert_allclose(heart, levels)
    np.testing.assert_allclose(breath, levels / 4)


def test_hourly_statistics_are_those_of_the_charted_values():
    levels = np.tile([70.0, 74.0], 15)
    charted_at = np.arange(0, 30 * 60, 60)
    line = np.interp(np.arange(29 * 60 + 1), charted_at, levels)
    found = hourly_statistics(line, np.full(len(line), 15.0))
    assert found["hr_mean"] == 72.0
    assert found["hr_within_sd"] == 2.0
    assert found["hr_autocorrelation_1_h"] == pytest.approx(-1.0)
    assert found["hr_autocorrelation_4_h"] == pytest.approx(1.0)
    assert found["rr_zero_step_share"] == 1.0


def test_whole_share_ignores_missing_values():
    assert whole_share(np.array([80.0, 80.1, NAN, 81.0, 82.5, 90.0])) == 0.6
