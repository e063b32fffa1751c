"""Each statistic on minutes that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.statistics import (
    autocorrelation,
    coupling,
    energy,
    kurtosis,
    lattice,
    level,
    log_energy,
    outliers,
    small_residuals,
    spread,
    unchanged,
)
from detectors.statistics.base import BlockMinutes, Statistic
from detectors.statistics.registry import columns, statistics, term_places, terms, terms_width

ZIGZAG = np.resize([1.0, -1.0], 15)


def block(heart: object, breath: object = None, weight: object = 1.0, same: object = False) -> BlockMinutes:
    """One block of 15 minutes whose residuals of every name are these."""
    error = np.zeros((1, 15, 2))
    error[0, :, 0] = heart
    error[0, :, 1] = heart if breath is None else breath
    shape = np.ones((1, 15, 2))
    residuals = {name: error for one in statistics() for name in one.residuals}
    unchanged = np.broadcast_to(np.reshape(same, (1, -1, 1)), shape.shape).astype(np.bool_)
    return BlockMinutes(shape * np.reshape(weight, (1, -1, 1)), residuals, unchanged, np.full((1, 1, 2), 0.25))


def value(statistic: Statistic, minutes: BlockMinutes) -> float:
    """Return the statistic of one block, of the heart rate or of both channels."""
    sums = [term(minutes, statistic.residuals[0]).sum(axis=1) for term in statistic.terms]
    return float(np.ravel(statistic.value(*sums))[0])


def test_level_and_spread_are_mean_and_log_variance() -> None:
    rising = np.arange(15) / 10
    assert value(level.STATISTIC, block(rising)) == pytest.approx(0.7)
    assert value(spread.STATISTIC, block(rising)) == pytest.approx(np.log(rising.var() + 0.03))
    assert value(spread.STATISTIC, block(3.0)) == pytest.approx(np.log(0.03))


def test_energy_is_the_log_mean_square() -> None:
    assert value(energy.STATISTIC, block(2 * ZIGZAG)) == pytest.approx(np.log(4.03))


def test_log_energy_is_hardly_moved_by_one_jump() -> None:
    jump = np.r_[4.0, np.zeros(14)]
    assert value(log_energy.STATISTIC, block(0.0)) == pytest.approx(np.log(0.1))
    assert value(log_energy.STATISTIC, block(jump)) == pytest.approx((np.log(16.1) + 14 * np.log(0.1)) / 15)


def test_outliers_and_small_residuals_are_shares() -> None:
    errors = np.r_[2.3, -2.3, 2.1, [0.34] * 6, [0.36] * 6]
    assert value(outliers.STATISTIC, block(errors)) == pytest.approx(np.sqrt(2 / 15))
    assert value(small_residuals.STATISTIC, block(errors)) == pytest.approx(6 / 15)


def test_kurtosis_is_low_for_changes_of_one_size_and_high_for_rare_jumps() -> None:
    assert value(kurtosis.STATISTIC, block(ZIGZAG)) == pytest.approx(np.log(15 * 15 / 16**2 + 0.5))
    assert value(kurtosis.STATISTIC, block(np.r_[4.0, np.zeros(14)])) == pytest.approx(np.log(15 * 256 / 17**2 + 0.5))


def test_autocorrelation_is_of_successive_minutes_within_the_block() -> None:
    assert value(autocorrelation.STATISTIC, block(ZIGZAG)) == pytest.approx(-14 / 16)
    assert value(autocorrelation.STATISTIC, block(1.0)) == pytest.approx(14 / 16)


def test_unchanged_is_the_excess_over_the_usual_share_in_standard_deviations() -> None:
    minutes = block(0.0, same=np.arange(15) < 9)
    assert value(unchanged.STATISTIC, minutes) == pytest.approx((9 - 15 * 0.25) / np.sqrt(15 * 0.1875 + 0.3))


def test_coupling_is_the_correlation_of_both_channels() -> None:
    rng = np.random.default_rng(0)
    heart, breath = rng.standard_normal((2, 15))
    covariance = (heart * breath).mean() - heart.mean() * breath.mean()
    expected = covariance / np.sqrt((heart**2).mean() * (breath**2).mean())
    assert value(coupling.STATISTIC, block(heart, breath)) == pytest.approx(expected)
    assert value(coupling.STATISTIC, block(ZIGZAG, ZIGZAG)) > 0.99
    assert value(coupling.STATISTIC, block(ZIGZAG, -ZIGZAG)) < -0.99
    assert abs(value(coupling.STATISTIC, block(0.05 * ZIGZAG, 0.05 * ZIGZAG))) < 0.03  # the floor of a quiet block


def test_coupling_counts_minutes_of_which_both_channels_were_measured() -> None:
    minutes = block(ZIGZAG, ZIGZAG)
    minutes.weight[0, :7, 0] = 0
    minutes.weight[0, 7:14, 1] = 0
    assert coupling.product(minutes, "neighbours").sum() == 1


@pytest.mark.parametrize("statistic", [one for one in statistics() if not one.is_joint], ids=lambda one: one.name)
def test_minutes_without_weight_say_nothing(statistic: Statistic) -> None:
    heart, weight = np.r_[0.5 * ZIGZAG[:10], np.full(5, 4.0)], np.arange(15) < 10
    seen = [term(block(heart, weight=weight, same=True), statistic.residuals[0])[0, 10:] for term in statistic.terms]
    assert not np.any(seen)


@pytest.mark.parametrize("statistic", statistics(), ids=lambda one: one.name)
def test_a_single_artefact_counts_no_more_than_a_large_residual(statistic: Statistic) -> None:
    large, artefact = (np.r_[size, 0.5 * ZIGZAG[:14]] for size in (4.5, 1000.0))
    assert value(statistic, block(large)) == value(statistic, block(artefact))


# --- the lattice ---------------------------------------------------------------------------------------------------------


def lattice_of(steps: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Return the statistic of an hour, values in grid steps int[60, 2]: each channel, then both."""
    blocks = steps.reshape(4, 15, 2)
    measured = np.ones(blocks.shape) if weight is None else weight.reshape(blocks.shape)
    return lattice.values(lattice.block_phases(blocks, measured).sum(axis=0, dtype=np.int32)[None])[0]


def test_values_that_were_multiplied_lie_on_a_lattice_of_their_own() -> None:
    rng = np.random.default_rng(1)
    plain = rng.integers(700, 900, (60, 2))
    times = np.rint(plain * 2.5).astype(np.int64)
    assert (lattice_of(times) > lattice_of(plain) + 0.5).all()


def test_its_phases_are_those_of_complex_numbers() -> None:
    steps = np.random.default_rng(2).integers(0, 3000, (60, 2))
    phase = np.exp(2j * np.pi * steps[..., None] * lattice.FREQUENCIES)
    power = np.abs(phase.sum(axis=0)) ** 2
    power = power / power.mean(axis=1, keepdims=True) + 0.05
    expected = np.log([power[0].max(), power[1].max(), power.sum(axis=0).max()])
    np.testing.assert_allclose(lattice_of(steps), expected, atol=2e-3)


def test_filled_minutes_are_not_on_it_and_absurd_values_do_no_harm() -> None:
    steps = np.random.default_rng(3).integers(700, 900, (60, 2))
    weight = np.ones((60, 2))
    weight[10:20] = 0
    other = steps.copy()
    other[10:20] = 10**6
    np.testing.assert_array_equal(lattice_of(steps, weight), lattice_of(other, weight))
    assert np.isfinite(lattice_of(np.full((60, 2), 10**6))).all()
    assert np.isfinite(lattice_of(steps, np.zeros((60, 2)))).all()


# --- the registry --------------------------------------------------------------------------------------------------------


def test_every_term_has_a_place_of_its_own() -> None:
    taken = [place for span in term_places().values() for place in range(span.start, span.stop)]
    assert sorted(taken) == list(range(terms_width()))
    assert len(term_places()) == len(terms())


def test_columns_are_named_once_and_in_words() -> None:
    assert columns()[0].key == f"{columns()[0].statistic} {columns()[0].residual} heart 60"
    assert {column.channel for column in columns()} == {"heart", "breath", "both"}
    assert {column.minutes for column in columns()} == {60, 180, 360}
    for statistic in statistics():
        assert statistic.high != "unlike usual" != statistic.low
