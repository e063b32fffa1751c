"""How many of the last minutes may be filled, said of a whole stream and minute by minute alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.minutes.cleaning import clean
from detectors.minutes.sampling import FilledMinutes, MeasuredInterval, too_sparse
from detectors.minutes.windows import usable_decisions

NAN = float("nan")


def every(minutes: int, interval: int) -> np.ndarray:
    return np.where(np.arange(minutes) % interval == 0, 80.0, NAN)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 90)), min_size=1, max_size=12))
def test_minute_by_minute_it_says_what_it_says_of_the_whole_stream(runs: list[tuple[bool, int]]) -> None:
    observed = np.concatenate([np.full(minutes, measured) for measured, minutes in runs])
    found, filled = [], FilledMinutes()
    for measured in observed.tolist():
        filled.push(is_filled=not measured)
        found.append(filled.too_sparse)
    assert found == too_sparse(observed, np.arange(len(observed))).tolist()


@pytest.mark.parametrize("interval", [2, 3, 5, 10])
def test_no_decision_of_values_further_apart_than_a_minute_is_usable(interval: int) -> None:
    minutes = clean(0, every(900, interval), np.full(900, 15.0))
    assert len(minutes) > 890
    assert not usable_decisions(minutes).any()


def test_a_value_a_minute_with_dropouts_is_usable() -> None:
    heart = np.full(900, 80.0)
    for at in range(20, 900, 50):
        heart[at : at + 10] = NAN
    assert usable_decisions(clean(0, heart, np.full(900, 15.0))).all()


def test_an_hour_of_which_two_fifths_are_filled_is_too_sparse_and_one_minute_less_is_not() -> None:
    observed = np.ones(400, np.bool_)
    observed[340:364] = False
    assert too_sparse(observed, np.array([399])).all()
    observed[340] = True
    assert not too_sparse(observed, np.array([399])).any()


def test_six_hours_are_looked_at_beside_the_last_one() -> None:
    observed = np.ones(420, np.bool_)
    observed[60:348:2] = False  # 144 of 360, none of them in the last hour
    assert too_sparse(observed, np.array([419])).all()
    observed[60] = True
    assert not too_sparse(observed, np.array([419])).any()


def test_the_usual_interval_is_that_of_the_minutes_measured() -> None:
    interval = MeasuredInterval()
    assert interval.median_min(0) == 1
    for minute in range(1000, 1060, 5):
        interval.push(minute)
    assert interval.median_min(1059) == 5
    for minute in range(1060, 1100):
        interval.push(minute)
    assert (interval.median_min(1099), interval.median_min(1059)) == (1, 5)
    assert interval.median_min(1099 + 1440) == 1  # nothing of the last day
