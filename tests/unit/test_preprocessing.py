from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.intake import Intake, RowBuffer
from detectors.preprocessing import (
    calendar_features,
    cut_windows,
    pushed_rows,
    robust_scale,
    scaled,
    usable_window_ends,
    valid_minutes,
)

NAN = float("nan")
MISSING_OR_VALUE = st.one_of(st.sampled_from([NAN, 0.0, 19.9, 300.1]), st.floats(20, 300).map(lambda x: round(x, 1)))
RUNS = st.lists(st.tuples(MISSING_OR_VALUE, st.integers(1, 13)), max_size=30)


def series(runs: list[tuple[float, int]]) -> np.ndarray:
    return np.array([value for value, length in runs for _ in range(length)])


def test_zero_nan_and_artefacts_are_missing_and_the_bounds_are_not() -> None:
    heart = [20.0, 300.0, 19.9, 300.1, 0.0, NAN, 80.0, 80.0]
    resp = [3.0, 100.0, 15.0, 15.0, 15.0, 15.0, 2.9, 100.1]
    assert valid_minutes(heart, resp).tolist() == [True, True, False, False, False, False, False, False]


def test_a_gap_of_ten_minutes_is_interpolated_linearly() -> None:
    heart = np.array([70.0, *[NAN] * 10, 81.0])
    rows = pushed_rows(100, heart, np.full(12, 15.0))
    assert rows.values[:, 0].tolist() == pytest.approx(list(range(70, 82)))
    assert rows.event_minute.tolist() == list(range(100, 112))
    assert rows.interpolated.tolist() == [False, *[True] * 10, False]


def test_a_gap_of_eleven_minutes_pushes_nothing() -> None:
    rows = pushed_rows(0, np.array([70.0, *[NAN] * 11, 82.0]), np.full(13, 15.0))
    assert rows.event_minute.tolist() == [0, 12]


def test_one_missing_channel_makes_the_minute_missing_and_both_are_interpolated() -> None:
    rows = pushed_rows(0, np.array([70.0, 99.0, 72.0]), np.array([10.0, 0.0, 20.0]))
    assert rows.values.tolist() == [[70, 10], [71, 15], [72, 20]]


def test_gaps_at_the_edges_and_nothing_at_all_push_nothing() -> None:
    assert len(pushed_rows(0, np.full(5, NAN), np.full(5, NAN))) == 0
    assert pushed_rows(0, np.array([NAN, 70.0, NAN]), np.full(3, 15.0)).event_minute.tolist() == [1]


@given(RUNS, RUNS, st.integers(-1000, 500_000_000))
def test_streaming_pushes_the_same_rows_to_the_last_bit(
    heart_runs: list[tuple[float, int]], resp_runs: list[tuple[float, int]], start: int
) -> None:
    heart, resp = series(heart_runs), series(resp_runs) / 3
    minutes = min(len(heart), len(resp))
    batch = pushed_rows(start, heart[:minutes], resp[:minutes])
    intake, streamed = Intake(start - 1), RowBuffer()
    for at in range(minutes):
        intake.push(start + at, float(heart[at]), float(resp[at]), streamed)
    assert streamed.event_minute == batch.event_minute.tolist()
    assert np.array_equal(np.array(streamed.values, np.float32).reshape(-1, 2), batch.values)


def test_a_window_is_usable_up_to_twice_its_length_and_ends_on_a_valid_minute() -> None:
    heart = np.full(200, 80.0)
    heart[30:91] = NAN  # rows 0..29 and 91..: the window ending at 120 spans 120 minutes, at 119 it has only 59 rows
    rows = pushed_rows(0, heart, np.full(200, 15.0))
    ends = rows.event_minute[usable_window_ends(rows)]
    assert ends.tolist() == list(range(120, 200))
    heart[30:92] = NAN  # one more: every window over the gap spans 121
    rows = pushed_rows(0, heart, np.full(200, 15.0))
    assert rows.event_minute[usable_window_ends(rows)].tolist() == list(range(151, 200))


def test_no_window_ends_on_an_interpolated_row() -> None:
    heart = np.full(100, 80.0)
    heart[70:75] = NAN
    rows = pushed_rows(0, heart, np.full(100, 15.0))
    ends = rows.event_minute[usable_window_ends(rows)]
    assert set(range(59, 100)) - set(ends.tolist()) == set(range(70, 75))


def test_windows_are_the_sixty_rows_up_to_their_end() -> None:
    heart = np.arange(20.0, 120.0)
    rows = pushed_rows(7, heart, np.full(100, 15.0))
    values, minutes = cut_windows(rows, np.array([59, 99]))
    assert values.shape == (2, 60, 2)
    assert values[1, :, 0].tolist() == heart[40:].tolist()
    assert minutes[0].tolist() == list(range(7, 67))
    assert cut_windows(rows, np.empty(0, np.int64))[0].shape == (0, 60, 2)


def test_robust_scale_has_floors_and_averages_mad_and_sd() -> None:
    values = np.array([[60, 15], [80, 15], [100, 15]], np.float32)
    median, scale = robust_scale(values)
    assert median.tolist() == [80, 15]
    assert scale[0] == pytest.approx((1.48 * 20 + np.std([60, 80, 100])) / 2)
    assert scale[1] == 1.5


def test_scaled_values_are_clipped_to_eight() -> None:
    z = scaled(np.array([[80, 15], [120, 0]], np.float32), (80.0, 15.0), (4.0, 1.5))
    assert z.tolist() == [[0, 0], [8, -8]]
    assert z.dtype == np.float32


def test_calendar_starts_at_monday_midnight_and_survives_far_years() -> None:
    monday = 4 * 1440  # 1970-01-05
    assert calendar_features(np.array([monday])).tolist() == [[0, 1, 0, 1]]
    noon = calendar_features(np.array([monday + 720 + 48_000 * 10_080]))
    assert noon[0, :2].tolist() == pytest.approx([0, -1], abs=1e-6)
    assert noon[0, 2] == pytest.approx(np.sin(2 * np.pi / 14))
