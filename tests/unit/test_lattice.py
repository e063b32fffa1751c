"""Scaled readings leave gaps on the monitor's grid; a patient's own preference for whole numbers is not one."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.features.lattice import LATTICE_FEATURES, lattice_features

TENTHS, WHOLE = 0.1, 1.0
STAYS = 24  # an average over as many six-hour windows: one alone is noisy


def power(heart: np.ndarray, breath: np.ndarray, grid: float = TENTHS) -> dict[str, float]:
    """Return the mean power of each feature over the windows float[360, STAYS]."""
    found = lattice_features(heart.astype(np.float32), breath.astype(np.float32), np.full((2, STAYS), grid, np.float32))
    assert (found.shape, found.dtype) == ((3, STAYS), np.float32)
    return dict(zip(LATTICE_FEATURES, np.expm1(found).mean(axis=1).tolist(), strict=True))


def on_grid(values: np.ndarray, grid: float = TENTHS) -> np.ndarray:
    """As a monitor writes them."""
    return np.round(values / grid) * grid


def readings(mean: float, sd: float, grid: float = TENTHS, seed: int = 0) -> np.ndarray:
    return on_grid(np.random.default_rng(seed).normal(mean, sd, (360, STAYS)), grid)


HEART, BREATH = readings(80, 6), readings(18, 2.5, seed=1)
CLEAN = power(HEART, BREATH)


def test_clean_readings_have_the_power_of_chance() -> None:
    # The largest of some 200 exponential numbers of mean 1 is about log(200) = 5.3; of sums of two about 8. The peak is in the average.
    assert pytest.approx({"heart_rate_lattice": 4.5, "resp_rate_lattice": 4.5, "joint_lattice": 6.5}, abs=1) == CLEAN


def test_few_distinct_readings_have_power_everywhere_and_no_peak() -> None:
    paced = np.full((360, STAYS), 80.0)
    ventilated = on_grid(16 + 0.02 * np.random.default_rng(5).standard_normal((360, STAYS)))
    found = power(paced, ventilated)
    assert found["heart_rate_lattice"] == pytest.approx(1, abs=0.01)
    assert found["joint_lattice"] == pytest.approx(2, abs=0.1)


def test_values_scaled_by_1_3_stand_out_in_both_channels_and_jointly() -> None:
    found = power(on_grid(1.3 * HEART), on_grid(1.3 * BREATH))
    # Rounding to a tenth leaves sin(pi / 1.3) / (pi / 1.3) = .275 of a reading's phase: 360 x .275^2 = 27, in units of an average
    # of about 2, as the peak is some bins wide.
    assert found["heart_rate_lattice"] == pytest.approx(14, abs=3)
    assert found["resp_rate_lattice"] > 2 * CLEAN["resp_rate_lattice"]
    assert found["joint_lattice"] > 3 * CLEAN["joint_lattice"]


def test_one_scaled_channel_stands_out_alone() -> None:
    found = power(on_grid(1.3 * HEART), BREATH)
    assert found["heart_rate_lattice"] > 2.5 * CLEAN["heart_rate_lattice"]
    assert found["resp_rate_lattice"] == CLEAN["resp_rate_lattice"]


def test_a_factor_shows_on_a_whole_number_monitor_too() -> None:
    heart, breath = readings(80, 15, WHOLE), readings(30, 15, WHOLE, seed=1)
    clean, found = power(heart, breath, WHOLE), power(on_grid(1.3 * heart, WHOLE), breath, WHOLE)
    assert found["heart_rate_lattice"] > 1.5 * clean["heart_rate_lattice"]


def test_a_preference_for_whole_numbers_is_natural() -> None:
    prefers = np.random.default_rng(2).random(HEART.shape) < 0.5
    mixed = np.where(prefers, np.round(HEART), readings(80, 6, seed=3))
    assert power(mixed, BREATH)["heart_rate_lattice"] == pytest.approx(CLEAN["heart_rate_lattice"], abs=2)


def test_an_attacker_who_dithers_is_not_seen() -> None:
    dithered = on_grid(1.3 * HEART + np.random.default_rng(4).uniform(-0.1, 0.1, HEART.shape))
    assert power(dithered, BREATH)["heart_rate_lattice"] == pytest.approx(CLEAN["heart_rate_lattice"], abs=2)


def test_each_window_of_a_batch_has_its_own_grid() -> None:
    heart = np.stack([HEART[:, 0], readings(80, 15, WHOLE)[:, 0]], axis=1).astype(np.float32)
    breath = np.stack([BREATH[:, 0], readings(30, 15, WHOLE)[:, 1]], axis=1).astype(np.float32)
    grid = np.array([[TENTHS, WHOLE], [TENTHS, WHOLE]], np.float32)
    together = lattice_features(heart, breath, grid)
    for place in range(2):
        alone = lattice_features(heart[:, [place]], breath[:, [place]], grid[:, [place]])
        np.testing.assert_allclose(alone[:, 0], together[:, place], atol=1e-5)
