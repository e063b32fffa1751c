"""How unusual a statistic is, given the device's own past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.baseline.own_past import OwnPast
from detectors.baseline.references import Standardisation


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


PLAIN = Standardisation(
    mean=one(1.0), own_mean=one(0.5), slope=one(0.5), own_sd=one(0.0), own_variance=one(0.25), own_log_sd=one(0.0),
    log_sd=one(0.0), sd_slope=one(1.0), between_sd=one(1.0),
)  # fmt: skip


def r(
    value: float, mean: float = 0.5, sd: float = 1.0, decisions: float = 100, known: Standardisation = PLAIN
) -> float:
    past = OwnPast(np.array([[mean]]), np.array([[sd]]), np.array([[decisions]]))
    return float(known.of(np.array([[value]]), past)[0, 0])


def test_a_device_like_the_references_is_expected_where_they_were() -> None:
    assert r(1.0) == pytest.approx(0, abs=1e-6)
    assert r(3.0) == pytest.approx(2.0, rel=1e-5)


def test_the_own_mean_moves_the_expectation_as_far_as_it_foretold_the_references_days() -> None:
    assert r(3.0, mean=2.5) == pytest.approx(1.0, rel=1e-5)


def test_the_own_spread_is_the_yardstick() -> None:
    assert r(3.0, sd=4.0) == pytest.approx(0.5, rel=1e-5)
    assert r(3.0, sd=4.0, known=replace(PLAIN, sd_slope=one(0.5))) == pytest.approx(1.0, rel=1e-5)


def test_of_fewer_than_24_decisions_the_spread_is_mixed_with_that_of_references() -> None:
    mixed = np.sqrt((8 * 0.01**2 + 16 * 0.25) / 24)
    assert r(1.0 + mixed, sd=0.01, decisions=8) == pytest.approx(1.0, rel=1e-4)
    assert r(1.0 + mixed, sd=0.01, decisions=24) == 25.0
    assert r(1.0 + mixed, sd=0.01, decisions=23) < 2.0


def test_a_past_that_stood_still_is_no_endless_precision() -> None:
    assert r(1.003, sd=0.0, known=replace(PLAIN, own_sd=one(0.1))) == pytest.approx(1.0, rel=1e-3)


def test_it_ends_at_25() -> None:
    assert (r(1e9), r(-1e9)) == (25.0, -25.0)
