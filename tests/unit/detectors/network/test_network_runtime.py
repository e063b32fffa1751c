"""The network in numpy: packing, blindness, its density, and that it is Keras' network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from detectors.network.context import context_of
from detectors.network.density import Place, cumulative, mean, normal_score, shape_of
from detectors.network.layout import CONTEXT_SIZE, network_shapes
from detectors.network.runtime import DensityNetwork

GRID_Z = 0.25


def random_weights(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    drawn = {name: 0.3 * rng.standard_normal(shape) for name, shape in network_shapes().items()}
    drawn["context_sd"] = 0.5 + np.abs(drawn["context_sd"])
    return {name: array.astype(np.float32) for name, array in drawn.items()}


def random_windows(count: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    z = GRID_Z * np.round(rng.standard_normal((count, 60, 2)) / GRID_Z)
    weight = rng.random(z.shape) < 0.95
    context = rng.standard_normal((count, CONTEXT_SIZE))
    half = np.full((count, 2), GRID_Z / 2)
    return tuple(np.asarray(array, np.float32) for array in (z, weight, context, half))


@pytest.fixture(scope="module")
def network() -> DensityNetwork:
    return DensityNetwork(random_weights())


def test_a_window_scores_the_same_to_the_last_bit_whatever_else_is_in_the_batch(network):
    windows = random_windows(280)
    together = network.normal_scores(*windows)
    expected = network.expected(*windows[:3])
    for rows in ([0], [279], [5, 3], list(range(16)), list(range(17, 80)), list(range(279, 9, -1))):
        part = [array[rows] for array in windows]
        np.testing.assert_array_equal(network.normal_scores(*part), together[rows])
        np.testing.assert_array_equal(network.expected(*part[:3]), expected[rows])


def test_no_windows_give_no_scores(network):
    assert network.normal_scores(*random_windows(0)).shape == (0, 15, 2)


@pytest.mark.parametrize("minute", [38, 45, 52])
def test_what_is_expected_of_a_minute_does_not_depend_on_it_but_on_its_neighbours(network, minute):
    z, weight, context, _ = random_windows(1)
    before = network.expected(z, weight, context)
    changed, weightless = z.copy(), weight.copy()
    changed[0, minute] += 3
    weightless[0, minute] = 1 - weight[0, minute]
    after = network.expected(changed, weightless, context)
    moved = (before != after).any(axis=(0, 2))
    assert not moved[minute - 38]
    assert moved.sum() == 14


def test_the_minutes_at_both_ends_of_the_window_are_read(network):
    z, weight, context, _ = random_windows(1)
    before = network.expected(z, weight, context)
    for minute in (34, 57):
        changed = z.copy()
        changed[0, minute] += 3
        assert (network.expected(changed, weight, context) != before).any()


def test_a_score_rises_with_the_value_and_only_the_context_sets_the_widths(network):
    z, weight, context, half = random_windows(1)
    scores = []
    for value in (-2.0, 0.0, 2.0):
        z[0, 45, 0] = value
        scores.append(network.normal_scores(z, weight, context, half)[0, 7, 0])
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_the_shape_is_the_same_for_any_window_of_a_device(network):
    z, weight, context, _ = random_windows(2)
    context[1] = context[0]
    z[1] *= 3
    shape = network._read(z, weight, context).shape
    for part in shape:
        np.testing.assert_array_equal(part[..., 0], part[..., 1])
    context[1] += 1
    assert (network._read(z, weight, context).shape.share[..., 0] != shape.share[..., 0]).sum() == 0
    assert (network._read(z, weight, context).shape.share[..., 1] != shape.share[..., 0]).any()


def test_a_context_far_out_is_read_as_four_deviations():
    weights = random_weights()
    weights["context_mean"][:], weights["context_sd"][:] = 1.0, 0.5
    network = DensityNetwork(weights)
    z, weight, context, _ = random_windows(2)
    z[1], weight[1] = z[0], weight[0]
    context[0], context[1] = 1 + 4 * 0.5, 1e6
    found = network.expected(z, weight, context)
    np.testing.assert_array_equal(found[0], found[1])


def small_density(seed: int = 2):
    """One minute, one tile of a single column: a place and a shape of widths about a few grid steps."""
    rng = np.random.default_rng(seed)
    outputs = rng.standard_normal((1, 22, 1)).astype(np.float32)
    outputs.reshape(2, 11)[:, 8:] = np.log(GRID_Z * np.array([0.5, 1, 2]))
    near = GRID_Z * np.round(rng.standard_normal((2, 1, 1, 2, 1)) / GRID_Z).astype(np.float32)
    return Place(0.45 * near.sum(axis=0), *near), shape_of(outputs)


def test_the_cells_of_the_grid_hold_all_probability_and_the_point_masses_fall_into_theirs():
    place, shape = small_density()
    grid = GRID_Z * np.arange(-80, 81)
    edges = np.float32(grid - GRID_Z / 2)
    below = np.array([cumulative(np.full_like(place.location, edge), place, shape)[0, 0, :, 0] for edge in edges])
    cells = np.diff(below, axis=0)
    assert (cells >= 0).all()
    np.testing.assert_allclose(cells.sum(axis=0), 1, atol=1e-5)
    found = (cells * grid[:-1, None]).sum(axis=0)
    np.testing.assert_allclose(found, mean(place, shape)[0, 0, :, 0], atol=1e-3)
    for channel in range(2):
        for mass, near in ((3, place.before), (4, place.after)):
            cell = int(np.argmin(np.abs(grid - near[0, 0, channel, 0])))
            assert cells[cell, channel] >= shape.share[0, channel, mass, 0]


def test_the_score_is_that_of_the_middle_of_the_cell():
    place, shape = small_density()
    z, half = place.before + GRID_Z, np.full_like(place.before, GRID_Z / 2)
    low, high = (cumulative(z + side * half, place, shape) for side in (-1, 1))
    np.testing.assert_allclose(normal_score(z, half, place, shape), ndtri((low + high) / 2), atol=1e-6)
    far = normal_score(z + 1000, half, place, shape)
    assert np.isfinite(far).all()
    assert (far > 4).all()


@pytest.mark.parametrize("name", ["forward/kernel", "context_sd"])
def test_weights_that_do_not_fit_are_refused(name):
    for spoilt in (np.zeros(3, np.float32), np.full(network_shapes()[name], np.nan, np.float32)):
        with pytest.raises(ValueError, match=name):
            DensityNetwork({**random_weights(), name: spoilt})
    with pytest.raises(ValueError, match=name):
        DensityNetwork({other: array for other, array in random_weights().items() if other != name})


@pytest.mark.parametrize("minutes", [1, 2, 3, 59, 1440])
def test_the_context_is_27_finite_numbers_of_any_enrolment(minutes):
    rng = np.random.default_rng(0)
    z, e1 = rng.standard_normal((2, minutes, 2))
    found = context_of(z, e1, np.ones((3, 2)), np.array([4.0, 1.5]), np.array([0.1, 0.2]), np.array([1.0, 0.1]))
    assert found.shape == (CONTEXT_SIZE,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_the_context_tells_a_calm_device_from_a_rough_one_and_how_its_channels_go_together():
    course = np.sin(np.arange(600) / 50)[:, None] * [1.0, 1.0]
    rough = course + 0.5 * np.random.default_rng(0).standard_normal((600, 2))
    calm, noisy = (
        context_of(z, z - course, np.ones((3, 2)), np.ones(2), np.zeros(2), np.ones(2)) for z in (course, rough)
    )
    assert (noisy[6:8] > calm[6:8] + 1).all()  # log sd of the steps
    assert calm[14] > 0.5  # autocorrelation of the steps
    assert noisy[14] < 0
    assert calm[26] > 0.5 > abs(noisy[26])  # coupling
