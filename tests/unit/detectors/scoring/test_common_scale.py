"""One scale for scores of every kind: what a vote at a value would cost on clean devices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decisions.votes import stream_votes
from detectors.scoring.common_scale import APART, HIGHEST_G, CommonScale, peaks_of, scale_of, threshold_of

SCALE = CommonScale(np.array([0.0, 2.0, 4.0]), np.array([-1.0, 0.0, 3.0]), 2.0)


def judged(values: np.ndarray) -> np.ndarray:
    return np.ones(len(values), np.bool_)


def test_between_knots_it_is_linear_below_them_flat_and_beyond_them_it_goes_on_by_its_slope() -> None:
    found = SCALE.of(np.array([[-5.0, 0.0, 1.0], [3.0, 4.0, 8.0]]))
    assert found.tolist() == [[-1.0, -1.0, -0.5], [1.5, 3.0, 5.0]]


def test_it_ends_at_twelve() -> None:
    assert SCALE.of(np.array([1e6, np.inf])).tolist() == [HIGHEST_G] * 2


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=20))
def test_it_never_falls(values: list[float]) -> None:
    assert (np.diff(SCALE.of(np.sort(np.array(values)))) >= 0).all()


def test_peaks_are_four_hours_apart() -> None:
    votes = np.zeros(100)
    votes[[10, 26, 27, 60]] = [5, 4, 3, 9]
    assert peaks_of(votes, judged(votes))[:3] == [9, 5, 3]  # 26 is 16 decisions from 10: within four hours
    assert APART == 16


def test_what_is_not_judged_makes_no_peak() -> None:
    votes = np.array([9.0, *[0.0] * 40])
    assert peaks_of(votes, np.r_[False, judged(votes)[1:]])[0] == 0.0
    assert peaks_of(votes, ~judged(votes)) == []
    assert peaks_of(np.empty(0), np.empty(0, np.bool_)) == []


def test_a_value_costs_the_peaks_at_and_above_it_a_week() -> None:
    peaks = np.arange(50.0, 0, -1)
    scale = scale_of(peaks, weeks=10.0)
    for value, peaks_above in ((50.0, 1), (41.0, 10), (1.0, 50)):
        assert scale.of(np.array([value]))[0] == pytest.approx(-np.log10(peaks_above / 10))


def test_a_vote_over_a_threshold_costs_what_the_scale_says() -> None:
    """Forty devices of a week each: recount the exclusions at the value where the scale says one in ten weeks."""
    rng = np.random.default_rng(0)
    fleet = [stream_votes(values, 3) for values in rng.standard_normal((40, 672)).cumsum(axis=1) * 0.1]
    found = sorted((peak for votes in fleet for peak in peaks_of(votes, judged(votes))), reverse=True)
    scale = scale_of(np.array(found), weeks=40.0)
    limit = threshold_of(np.array(found), 40.0, budget=0.1)
    events = sum(len([peak for peak in peaks_of(votes, judged(votes)) if peak > limit]) for votes in fleet)
    assert events == 4
    assert scale.of(np.array([limit]))[0] == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize(
    ("weeks", "budget", "expected"),
    [
        pytest.param(10.0, 0.2, 7.5, id="two are paid for: between the second and the third"),
        pytest.param(10.0, 0.19, 8.5, id="one and a bit pays for one"),
        pytest.param(10.0, 0.05, 9.01, id="none is paid for: above all"),
    ],
)
def test_the_budget_buys_peaks(weeks: float, budget: float, expected: float) -> None:
    assert threshold_of(np.array([9.0, 8.0, 7.0, 6.0]), weeks, budget) == pytest.approx(expected)


def test_scores_that_hardly_differ_still_give_a_map_that_rises_gently() -> None:
    scale = scale_of(np.full(30, 1.0), weeks=3.0)
    assert scale.slope == 1e-3
    assert np.isfinite(scale.of(np.array([0.9, 1.0, 1.1]))).all()
