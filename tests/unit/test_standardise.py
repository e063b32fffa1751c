"""Features in a device's own terms, worked out by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from detectors.standardise import Expectations, fit_expectations

NAN = float("nan")


def expectations(**changes: float) -> Expectations:
    values = {
        "mean": 1.0, "anchor": 2.0, "carried": 0.5, "spread": 3.0, "enrolment_variance": 4.0, "own_share": 0.5,
        "wide_spread": 7.0, "population_spread": 9.0,
    } | changes  # fmt: skip
    return Expectations(**{name: np.array([value, value], np.float32) for name, value in values.items()})


def enrolled(*columns: list[float]) -> np.ndarray:
    return np.array(columns, np.float32).T


NOT_FLAT = np.array([False, False])


def of_device(one: Expectations, windows: np.ndarray, flat: np.ndarray = NOT_FLAT) -> tuple[list[float], list[float]]:
    centre, spread = one.of_device(windows, flat)
    assert (centre.dtype, spread.dtype) == (np.float32, np.float32)
    return centre.tolist(), spread.tolist()


def test_without_a_profile_the_population_is_expected() -> None:
    centre, spread = expectations().of_population()
    assert (centre.tolist(), spread.tolist()) == ([1.0, 1.0], [9.0, 9.0])


def test_centre_and_spread_move_by_what_carries_over() -> None:
    windows = enrolled([5.5, 6.5] * 10, [2.0, 10.0] * 10)  # means 6 and 6, variances 1/4 and 16
    centre, spread = of_device(expectations(), windows)
    assert centre == pytest.approx([1 + 0.5 * (6 - 2)] * 2)
    # Variances a sixteenth of and four times the usual; half of their logarithm carries over: spreads (1/16)^(1/4) and 4^(1/4) times.
    assert spread == pytest.approx([3 / 2, 3 * sqrt(2)])
    assert of_device(expectations(own_share=0.0), windows)[1] == pytest.approx([3.0, 3.0])
    assert of_device(expectations(own_share=1.0), windows)[1] == pytest.approx([3 / 4, 6.0])


def test_neither_a_calm_nor_a_wild_enrolment_moves_the_spread_without_limit() -> None:
    _, spread = of_device(expectations(own_share=1.0), enrolled([6.0] * 20, [-100.0, 100.0] * 10))
    assert spread == pytest.approx([3 * sqrt(0.02), 3 * sqrt(50)])


def test_a_feature_known_in_fewer_than_twenty_windows_stays_as_the_population_has_it() -> None:
    windows = enrolled([6.0] * 19 + [NAN], [6.0] * 20)
    centre, spread = of_device(expectations(), windows)
    assert (centre, spread[0]) == ([1.0, 3.0], 9.0)
    assert of_device(expectations(), np.empty((0, 2), np.float32)) == ([1.0, 1.0], [9.0, 9.0])


def test_unknown_windows_do_not_shift_the_mean() -> None:
    windows = enrolled([6.0] * 20 + [NAN] * 20, [6.0] * 40)
    centre, _ = of_device(expectations(), windows)
    assert centre == pytest.approx([3.0, 3.0])


def test_a_channel_that_stood_still_gets_the_wide_spread() -> None:
    windows = enrolled([6.0] * 20, [6.0] * 20)
    _, spread = of_device(expectations(), windows, np.array([True, False]))
    assert spread == pytest.approx([7.0, 3 * 0.02**0.25])
    _, wild = of_device(expectations(wide_spread=0.1), windows, np.array([True, True]))
    assert wild == pytest.approx([3 * 0.02**0.25] * 2)


def test_what_to_expect_is_learnt_from_what_devices_did_afterwards() -> None:
    enrolments = [enrolled([m - 1.0, m + 1.0], [0.0, 0.0]) for m in (0.0, 4.0)]
    afterwards = [enrolled([m - 2.0, m + 2.0], [1.0, 3.0]) for m in (1.0, 3.0)]
    learnt = fit_expectations(enrolments, afterwards)
    assert learnt.mean.tolist() == pytest.approx([2.0, 2.0])
    assert learnt.anchor.tolist() == pytest.approx([2.0, 0.0])
    # Enrolment means -2, +2 about their mean, later ones -1, +1: half of it carries over.
    assert learnt.carried.tolist() == pytest.approx([0.5, 0.0])
    assert learnt.enrolment_variance.tolist() == pytest.approx([1.0, 1e-6])
    # Each device then lies +-2 about its expected 1 or 3; without a profile it lies sqrt(4 + 1) about 2.
    assert learnt.spread.tolist() == pytest.approx([2.001, 1.001], abs=1e-5)
    assert learnt.wide_spread.tolist() == pytest.approx([2.001, 1.001], abs=1e-5)
    assert learnt.population_spread.tolist() == pytest.approx([sqrt(5) + 0.001, 1.001], abs=1e-5)


def test_how_much_of_a_devices_own_variance_carries_over_is_learnt() -> None:
    enrolments = [enrolled([-sd, sd], [-sd, sd]) for sd in (1.0, 2.0, 4.0)]
    # The first feature keeps the square root of its variance's ratio, the second forgets it.
    afterwards = [enrolled([-sd, sd], [-3.0, 3.0]) for sd in (sqrt(2), 2.0, sqrt(8))]
    assert fit_expectations(enrolments, afterwards).own_share.tolist() == pytest.approx([0.5, 0.0], abs=1e-3)


def test_odd_devices_widen_the_wide_spread_alone() -> None:
    enrolments = [enrolled([0.0, 0.0], [0.0, 0.0])] * 5
    afterwards = [enrolled([-1.0, 1.0], [-1.0, 1.0])] * 4 + [enrolled([-10.0, 10.0], [-1.0, 1.0])]
    learnt = fit_expectations(enrolments, afterwards)
    assert learnt.spread.tolist() == pytest.approx([1.001, 1.001], abs=1e-5)
    assert learnt.wide_spread[0] == pytest.approx(sqrt((4 + 100) / 5) + 0.001, abs=1e-4)


@pytest.mark.parametrize(("later", "carried"), [((-9.0, 9.0), 1.0), ((9.0, -9.0), 0.0)])
def test_no_more_than_all_and_no_less_than_nothing_carries_over(later: tuple[float, float], carried: float) -> None:
    enrolments = [enrolled([m, m], [m, m]) for m in (-1.0, 1.0)]
    afterwards = [enrolled([m, m], [m, m]) for m in later]
    assert fit_expectations(enrolments, afterwards).carried.tolist() == [carried, carried]
