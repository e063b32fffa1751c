"""What a device is held against: its own decisions from the enrolment on, up to half a day ago."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.baseline.own_past import baseline_end, baseline_start, enrolment_decisions, own_past, past_of

COUNTING = np.arange(200.0)[:, None]
ALL = np.ones(200, np.bool_)


def members(decision: int, enrolled: int) -> list[int]:
    """Return which decisions make the baseline of one, found by which values move its sum."""
    found = []
    for place in range(200):
        value = np.zeros((200, 1))
        value[place] = 1.0
        if own_past(value, enrolled, ALL).mean[decision, 0] > 0:
            found.append(place)
    return found


@pytest.mark.parametrize(
    ("decision", "enrolled", "end"),
    [
        pytest.param(10, 37, 37, id="while enrolling it is the enrolment"),
        pytest.param(37, 37, 37, id="the first after it too"),
        pytest.param(87, 37, 37, id="a group that began before 12 h is not whole"),
        pytest.param(88, 37, 40, id="a whole group has left the lag"),
        pytest.param(95, 37, 40, id="it stays for two hours"),
        pytest.param(96, 37, 48, id="and the next joins"),
        pytest.param(199, 37, 144, id="the current half day never"),
    ],
)
def test_it_ends_twelve_to_fourteen_hours_ago_and_the_enrolment_always_counts(
    decision: int, enrolled: int, end: int
) -> None:
    assert members(decision, enrolled) == list(range(8, end))


@given(st.integers(0, 5000), st.integers(9, 400))
def test_the_lag_is_never_shorter_than_twelve_hours_after_the_enrolment(decision: int, enrolled: int) -> None:
    (end,) = baseline_end(np.array([decision]), enrolled)
    assert end == enrolled or 48 <= decision - end < 56
    assert end >= enrolled


def test_the_first_two_hours_of_a_stream_are_never_in_it() -> None:
    past = own_past(COUNTING, 37, ALL)
    assert past.mean[50, 0] == np.arange(8, 37).mean()
    assert past.sd[50, 0] == pytest.approx(np.arange(8, 37).std())
    assert past.decisions[50, 0] == 29


@pytest.mark.parametrize(
    ("minutes", "enrolled", "start"), [(120, 5, 4), (179, 8, 7), (180, 9, 8), (195, 10, 8), (1440, 93, 8)]
)
def test_a_short_enrolment_has_at_least_its_last_decision(minutes: int, enrolled: int, start: int) -> None:
    assert enrolment_decisions(minutes) == enrolled
    assert baseline_start(enrolled) == start
    past = own_past(COUNTING, enrolled, ALL)
    assert past.mean[enrolled, 0] == np.arange(start, enrolled).mean()


def test_decisions_that_may_not_join_are_left_out() -> None:
    keep = ALL.copy()
    keep[20:30] = False
    past = own_past(COUNTING, 37, keep)
    assert past.decisions[40, 0] == 19
    assert past.mean[40, 0] == pytest.approx(np.r_[8:20, 30:37].mean())
    assert own_past(COUNTING, 37, ~ALL).mean[40, 0] == 0


def test_frozen_is_the_enrolment_for_ever() -> None:
    past = own_past(COUNTING, 37, ALL, frozen=True)
    assert set(past.mean[:, 0].tolist()) == {np.arange(8, 37).mean()}


def test_sums_make_mean_and_sd_and_no_less_than_one_decision() -> None:
    past = past_of(np.array([[4.0], [0.0]]), np.array([[8.0], [0.0]]), np.array([[24.0], [0.0]]))
    assert past.mean[:, 0].tolist() == [2.0, 0.0]
    assert past.sd[0, 0] == pytest.approx(np.sqrt(2))
    assert past.decisions[:, 0].tolist() == [4, 1]
    assert np.isfinite(past_of(np.array([[3.0]]), np.array([[0.3]]), np.array([[0.03 - 1e-12]])).sd).all()
