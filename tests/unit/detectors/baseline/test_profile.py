"""What an enrolment says about a device."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.baseline.profile import profile_of
from detectors.minutes.cleaning import clean

QUIET = np.resize([80.0, 80.1], 200)


def of(heart: np.ndarray, breath: np.ndarray | None = None, enrolment_min: int = 200):
    return profile_of(clean(0, heart, np.full(len(heart), 15.0) if breath is None else breath), enrolment_min)


def test_a_quiet_device_has_the_smallest_credible_scale() -> None:
    assert of(QUIET).scale.tolist() == [4.0, 1.5]


def test_scale_averages_median_deviation_and_sd() -> None:
    heart = np.repeat([60.0, 80.0, 100.0], 100)
    assert of(heart, enrolment_min=300).scale[0] == pytest.approx((1.4826 * 20 + heart.std()) / 2)


def test_only_the_enrolment_counts() -> None:
    heart = np.r_[QUIET, np.full(100, 140.0)]
    np.testing.assert_array_equal(of(heart).median, of(QUIET).median)
    assert of(heart).enrolment_min == 200


def test_residuals_have_a_size_of_at_least_two_hundredths() -> None:
    assert (of(np.full(200, 80.0)).residual_size == 0.02).all()
    zigzag = of(np.resize([80.0, 84.0], 200))
    assert zigzag.residual_size[0, 0] == pytest.approx(1.25 * 1.0 + 0.02, abs=0.01)
    assert zigzag.residual_size[1, 0] == pytest.approx(0.02, abs=0.05)  # six minutes on both sides it looks the same


def test_the_usual_share_of_unchanged_minutes_is_neither_none_nor_all() -> None:
    assert of(np.full(200, 80.0)).unchanged_share.tolist() == [1 - 1e-4, 1 - 1e-4]
    assert of(np.resize([80.0, 84.0], 200)).unchanged_share[0] == pytest.approx(1 / 200)  # the first is beside itself


def test_filled_minutes_have_no_say_in_the_grid() -> None:
    heart = np.resize([80.0, 85.0, 83.0], 200)
    heart[3::4] = np.nan  # a quarter of all minutes lies halfway between two
    assert of(heart).grid_bpm[0] == 1.0


def test_the_network_is_told_of_the_device_in_numbers() -> None:
    context = of(QUIET).context
    assert context.dtype == np.float32
    assert context.shape == (27,)
    assert np.isfinite(context).all()


@pytest.mark.parametrize("minutes", [60, 61, 119])
def test_the_shortest_enrolments_have_finite_profiles(minutes: int) -> None:
    heart = np.round(np.random.default_rng(0).normal(80, 3, minutes), 1)
    profile = of(heart, enrolment_min=minutes)
    for name in ("median", "scale", "residual_size", "unchanged_share", "context"):
        assert np.isfinite(getattr(profile, name)).all(), name
