"""How surprising a value is: the share of clean windows that lie further out, and an exponential beyond them."""

from __future__ import annotations

from math import log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.surprise import GRID, LARGEST, fit_surprise, surprise

EVEN = (np.arange(1000) / 1000).astype(np.float32)[:, None]  # 0, .001, ... .999
TABLE = fit_surprise(EVEN)


def at(value: float, table: np.ndarray = TABLE) -> float:
    return float(surprise(table, np.array([[value]], np.float32))[0, 0])


def test_the_table_has_a_row_a_grid_point_and_a_column_a_feature() -> None:
    assert TABLE.shape == (121, 1)
    assert (GRID[0], GRID[-1], GRID[1] - GRID[0]) == (-15, 15, 0.25)
    assert fit_surprise(np.zeros((5, 3), np.float32)).shape == (121, 3)


def test_within_the_clean_values_it_is_the_share_beyond() -> None:
    assert at(0.5) == pytest.approx(-log10(500.5 / 1001) + log10(501.5 / 1001), abs=1e-5)
    assert at(0.75) == pytest.approx(-log10(250.5 / 1001) + log10(751.5 / 1001), abs=1e-5)
    assert at(0.25) == pytest.approx(-log10(750.5 / 1001) + log10(251.5 / 1001), abs=1e-5)


def test_beyond_them_the_tail_is_exponential() -> None:
    # The tail begins at .998 with a share of .002 and a mean excess below the floor .05.
    assert at(2.0) == pytest.approx(-log10(0.002) + (2 - 0.998) / 0.05 / np.log(10), abs=0.01)
    assert at(-1.0) == pytest.approx(log10(0.002) - 1.001 / 0.05 / np.log(10), abs=0.02)


def test_surprise_has_a_largest_value_and_a_reach() -> None:
    assert at(14.0) == LARGEST
    assert at(1e9) == LARGEST
    assert at(-1e9) == -LARGEST


def test_between_grid_points_it_is_interpolated() -> None:
    assert at(0.625) == pytest.approx((at(0.5) + at(0.75)) / 2, abs=1e-6)


def test_nan_counts_as_usual() -> None:
    assert at(float("nan")) == at(0.0)


def test_values_that_are_not_known_are_left_out_of_the_table_and_none_at_all_surprise_nobody() -> None:
    with_gaps = np.concatenate([EVEN, np.full((50, 1), np.nan, np.float32)])
    np.testing.assert_array_equal(fit_surprise(with_gaps), TABLE)
    assert not fit_surprise(np.full((5, 1), np.nan, np.float32)).any()


@given(st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=60), st.floats(-20, 20), st.floats(0, 20))
def test_it_never_falls(clean: list[float], value: float, more: float) -> None:
    table = fit_surprise(np.array(clean, np.float32)[:, None])
    assert at(value + more, table) >= at(value, table) - 1e-4
