"""The grid that a monitor writes on, found and kept to."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.minutes.cleaning import grid_of, on_grid


@pytest.mark.parametrize(
    ("values", "grid"),
    [
        pytest.param([80, 81, 79], 1.0, id="whole numbers"),
        pytest.param([80.2, 81.0, 79.7], 0.1, id="tenths"),
        pytest.param([*[80.0] * 96, *[80.5] * 4], 1.0, id="a few that are not whole"),
        pytest.param([*[80.0] * 95, *[80.5] * 5], 0.1, id="not quite enough whole ones"),
        pytest.param([], 0.1, id="nothing"),
        pytest.param([float("nan")] * 3, 0.1, id="nothing known"),
        pytest.param([80.0, float("nan"), 81.0], 1.0, id="gaps do not count"),
    ],
)
def test_the_grid_is_whole_numbers_or_tenths(values: list[float], grid: float) -> None:
    assert grid_of(np.array(values, np.float64)) == grid


def test_filled_values_are_put_on_the_channels_own_grid() -> None:
    values = np.array([[80.4, 15.14], [80.6, 15.16]])
    np.testing.assert_allclose(on_grid(values, np.array([1.0, 0.1])), [[80, 15.1], [81, 15.2]])


def test_a_pair_of_grids_a_row_can_be_given() -> None:
    values = np.full((2, 3, 2), 80.44)
    found = on_grid(values, np.array([[[1.0, 0.1]], [[0.1, 1.0]]]))
    np.testing.assert_allclose(found[:, 0], [[80, 80.4], [80.4, 80]])
