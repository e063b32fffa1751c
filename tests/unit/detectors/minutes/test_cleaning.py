"""Artefacts out, short gaps filled, long ones cut: a whole series at once and minute by minute alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.minutes.cleaning import CleanMinutes, clean, usable_minutes
from detectors.minutes.filling import GapFiller

NAN = float("nan")
MISSING_OR_VALUE = st.one_of(st.sampled_from([NAN, 0.0, 19.9, 300.1]), st.floats(20, 300).map(lambda x: round(x, 1)))
RUNS = st.lists(st.tuples(MISSING_OR_VALUE, st.sampled_from([1, 2, 3, 9, 10, 11, 13])), max_size=30)


def series(runs: list[tuple[float, int]]) -> np.ndarray:
    return np.array([value for value, length in runs for _ in range(length)])


def heart_only(heart: list[float]) -> CleanMinutes:
    return clean(100, heart, np.full(len(heart), 15.0))


def test_zero_nan_and_artefacts_are_missing_and_the_bounds_are_not() -> None:
    heart = [20.0, 300.0, 19.9, 300.1, 0.0, NAN, 80.0, 80.0]
    resp = [3.0, 100.0, 15.0, 15.0, 15.0, 15.0, 2.9, 100.1]
    assert usable_minutes(heart, resp).tolist() == [True, True, False, False, False, False, False, False]


def test_a_gap_of_ten_minutes_is_filled_in_a_straight_line_without_weight() -> None:
    minutes = heart_only([70.0, *[NAN] * 10, 81.0])
    assert minutes.values[:, 0].tolist() == pytest.approx(list(range(70, 82)))
    assert minutes.event_minute.tolist() == list(range(100, 112))
    assert minutes.weight[:, 0].tolist() == [1, *[0] * 10, 1]
    assert minutes.weight[:, 1].tolist() == [1] * 12
    assert minutes.observed.tolist() == [True, *[False] * 10, True]


def test_a_gap_of_eleven_minutes_is_cut_out_and_the_minutes_beside_the_cut_weigh_nothing() -> None:
    minutes = heart_only([70.0, 70.0, *[NAN] * 11, 82.0, 82.0])
    assert minutes.event_minute.tolist() == [100, 101, 113, 114]
    assert minutes.weight.tolist() == [[1, 1], [0, 0], [0, 0], [1, 1]]
    assert minutes.observed.all()


def test_a_long_gap_of_one_channel_cuts_both() -> None:
    resp = np.full(40, 15.0)
    resp[5:25] = NAN
    minutes = clean(0, np.full(40, 80.0), resp)
    assert minutes.event_minute.tolist() == [*range(5), *range(25, 40)]


def test_interleaved_gaps_of_both_channels_are_filled_each_for_itself() -> None:
    heart, resp = np.full(30, 80.0), np.full(30, 15.0)
    heart[5:14], heart[14] = NAN, 90.0
    resp[10:19], resp[19] = NAN, 25.0
    minutes = clean(0, heart, resp)
    assert len(minutes) == 30
    assert minutes.values[9].tolist() == pytest.approx([85.0, 15.0])
    assert minutes.values[13].tolist() == pytest.approx([89.0, 19.0])
    assert minutes.weight[13].tolist() == [0, 0]
    assert minutes.weight[16].tolist() == [1, 0]


def test_gaps_at_the_edges_and_nothing_at_all_leave_no_minute() -> None:
    assert len(heart_only([NAN] * 5)) == 0
    assert heart_only([NAN, 70.0, NAN]).event_minute.tolist() == [101]
    assert len(clean(0, [], [])) == 0


def filled(start: int, heart: np.ndarray, resp: np.ndarray) -> list[tuple[int, float, float, bool, bool]]:
    filler = GapFiller()
    return [row for at in range(len(heart)) for row in filler.push(start + at, float(heart[at]), float(resp[at]))]


@settings(max_examples=150)
@given(RUNS, RUNS, st.integers(-1000, 500_000_000))
def test_minute_by_minute_gives_the_same_to_the_last_bit(
    heart_runs: list[tuple[float, int]], resp_runs: list[tuple[float, int]], start: int
) -> None:
    heart, resp = series(heart_runs), series(resp_runs) / 3
    count = min(len(heart), len(resp))
    batch, rows = clean(start, heart[:count], resp[:count]), filled(start, heart[:count], resp[:count])
    assert [row[0] for row in rows] == batch.event_minute.tolist()
    np.testing.assert_array_equal(np.array([row[1:3] for row in rows]).reshape(-1, 2), batch.values)
    known = np.array([row[3:] for row in rows], np.bool_).reshape(-1, 2)
    np.testing.assert_array_equal(known.all(axis=1), batch.observed)
    beside = np.r_[False, np.diff(batch.event_minute) > 1] | np.r_[np.diff(batch.event_minute) > 1, False]
    np.testing.assert_array_equal(batch.weight > 0, known & ~beside[: len(known), None])


def test_minutes_that_never_come_are_missing_ones() -> None:
    filler = GapFiller()
    assert filler.push(0, 80.0, 15.0) == [(0, 80.0, 15.0, True, True)]
    rows = filler.push(5, 85.0, 20.0)
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (minute, 80.0 + minute, minute == 5) for minute in range(1, 6)
    ]
    assert [row[0] for row in filler.push(17, 80.0, 15.0)] == [17]
    assert [row[0] for row in filler.push(2**40, 80.0, 15.0)] == [2**40]


def test_a_minute_is_given_out_as_soon_as_its_gaps_are_closed_and_not_before() -> None:
    filler = GapFiller()
    filler.push(0, 80.0, 15.0)
    assert filler.push(1, None, 15.0) == []
    assert filler.push(2, 82.0, None) == [(1, 81.0, 15.0, False, True)]
    assert [row[0] for row in filler.push(3, 82.0, 17.0)] == [2, 3]


def test_a_gap_that_has_become_too_long_holds_nothing_back() -> None:
    filler = GapFiller()
    filler.push(0, 80.0, 15.0)
    for minute in range(1, 40):
        assert filler.push(minute, None, 15.0) == []
    assert [row[0] for row in filler.push(40, 80.0, 15.0)] == [40]


def test_the_first_minutes_can_be_taken_alone() -> None:
    minutes = heart_only([70.0, 71.0, 72.0]).first(2)
    assert (len(minutes), minutes.values[:, 0].tolist(), minutes.event_minute.tolist()) == (2, [70.0, 71.0], [100, 101])
