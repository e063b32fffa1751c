"""The frozen rule: how long neither channel changed, minute by minute and of a whole stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.minutes.cleaning import clean
from detectors.rules.frozen import COUNTED_MIN, LIMIT_MIN, FrozenRun, stream_runs


def runs(vitals: list[tuple[float, float]]) -> list[int]:
    run, found = FrozenRun(), []
    for heart, breath in vitals:
        run.push(heart, breath)
        found.append(run.minutes)
    return found


def test_the_run_counts_the_minutes_that_are_alike() -> None:
    assert runs([(80, 15), (80, 15), (80, 15), (81, 15), (81, 15)]) == [1, 2, 3, 1, 2]


@pytest.mark.parametrize("change", [(80.1, 15.0), (80.0, 15.1), (79.9, 15.0)])
def test_a_tenth_in_either_channel_restarts_it(change: tuple[float, float]) -> None:
    assert runs([*[(80.0, 15.0)] * 59, change, change]) == [*range(1, 60), 1, 2]


def test_tenths_that_were_computed_are_alike() -> None:
    assert runs([(80.3, 15.0), (80.1 + 0.2, 15.0), (803 * 0.1, 15.0)]) == [1, 2, 3]


def test_longer_than_two_hours_is_not_told_apart() -> None:
    assert (LIMIT_MIN, COUNTED_MIN) == (60, 120)
    assert runs([(80, 15)] * 500)[-1] == 120


@given(st.lists(st.sampled_from([80.0, 80.0, 80.0, 80.1, float("nan")]), min_size=1, max_size=300))
def test_a_whole_stream_has_the_runs_of_its_minutes(beats: list[float]) -> None:
    minutes = clean(0, beats, [15.0] * len(beats))
    run, expected = FrozenRun(), []
    for (heart, breath), seen in zip(minutes.values.tolist(), minutes.observed.tolist(), strict=True):
        if seen:
            run.push(heart, breath)
        expected.append(run.minutes)
    assert stream_runs(minutes).tolist() == expected


def test_filled_minutes_neither_count_nor_break_it() -> None:
    minutes = clean(0, [80.0, 80.0, np.nan, 80.0], [15.0] * 4)
    assert stream_runs(minutes).tolist() == [1, 2, 2, 3]
    assert len(stream_runs(clean(0, [], []))) == 0
