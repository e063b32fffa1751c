"""How a device's minutes are measured: worked out by hand on a few rows."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.measure import measure_rows
from detectors.preprocessing import Rows, pushed_rows

NAN = float("nan")


def rows(heart: list[float], breath: list[float] | None = None) -> Rows:
    return pushed_rows(1000, np.array(heart), np.array(breath or [16.0] * len(heart)))


def test_scale_has_a_floor_and_differences_a_little_more_than_their_own_spread() -> None:
    measure = measure_rows(rows([80.0, 88.0, 80.0, 88.0, 80.0]))
    assert measure.median.tolist() == [80.0, 16.0]
    assert measure.scale.tolist() == [4.0, 1.5]
    # Differences of +-8 bpm are +-2 scaled, their sd 2; the breath never moves.
    assert measure.difference_sd.tolist() == pytest.approx([2.05, 0.05])
    assert measure.residual_rms.tolist() == [1.0] * 4
    assert {array.dtype for array in measure} == {np.dtype(np.float32)}


def test_differences_over_gaps_and_of_interpolated_minutes_do_not_count() -> None:
    measure = measure_rows(rows([80.0, 80.0, NAN, 120.0, 120.0, *[NAN] * 20, 40.0, 40.0]))
    assert measure.difference_sd[0] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("odd_ones", "grid"), [(0, 1.0), (2, 1.0), (4, pytest.approx(0.1))], ids=["whole", "nearly", "tenths"]
)
def test_a_monitor_that_writes_whole_numbers_is_known_by_them(odd_ones: int, grid: float) -> None:
    heart = np.arange(100.0) + 50
    heart[:odd_ones] += 0.3
    assert measure_rows(rows(heart.tolist())).grid_bpm[0] == grid


def test_interpolated_minutes_say_nothing_of_the_grid() -> None:
    heart = np.full(100, NAN)
    heart[::3] = np.arange(34) + 60
    assert measure_rows(rows(heart.tolist())).grid_bpm.tolist() == [1.0, 1.0]


def test_a_single_row_is_measured() -> None:
    measure = measure_rows(rows([80.0]))
    assert measure.difference_sd.tolist() == pytest.approx([1.05, 1.05])
    assert all(np.isfinite(array).all() for array in measure)
