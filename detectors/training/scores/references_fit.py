"""Fits the standardisation on days of reference devices, and the tails on their clean decisions."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Floats, Floats32, Ints
from detectors.baseline.own_past import OwnPast
from detectors.baseline.references import Standardisation
from detectors.scoring.tails import BEYOND, SHARES, Tails

DAY_DECISIONS: Final = 96
LEAST_A_DAY: Final = 24
LEAST_SLOPE: Final = 1e-3
LEAST_SD: Final = 1e-6


class References(NamedTuple):
    """Judged clean decisions of reference devices: `values` [R, C], their own past, and whose they are.

    `device`, `population` and `decision` are int[R].
    """

    values: Floats32
    past: OwnPast
    device: Ints
    population: Ints
    decision: Ints


class _Days(NamedTuple):
    """Means over the days of devices, float64[D, C], and each day's `weight` float64[D], 1 in all."""

    value: Floats
    square: Floats
    mean: Floats
    sd: Floats
    variance: Floats
    device: Ints
    weight: Floats


def standardisation_of(references: References) -> Standardisation:
    """Fit on days of at least six judged hours. A device counts as the root of its days, every population the same."""
    days = _days_of(references)
    own_mean, mean = days.weight @ days.mean, days.weight @ days.value
    slope = _slope(days.weight, days.mean, days.value)
    missed = days.value - (mean + slope * (days.mean - own_mean))
    own_sd = days.weight @ days.sd
    floor = 0.03 * own_sd + 1e-6  # as in `Standardisation.log_of`
    log_own = np.log(days.sd + floor)
    log_seen = 0.5 * np.log(np.maximum(days.square - days.value**2, 0) + missed**2 + 1e-6)
    return Standardisation(
        mean=mean,
        own_mean=own_mean,
        slope=slope,
        own_sd=own_sd + LEAST_SD,
        own_variance=days.weight @ days.variance + LEAST_SD,
        own_log_sd=days.weight @ log_own,
        log_sd=days.weight @ log_seen,
        sd_slope=_slope(days.weight, log_own, log_seen),
        between_sd=_between(days),
    )


def _slope(weight: Floats, x: Floats, y: Floats) -> Floats:
    """Return the regression of y on x, clipped to 0..1."""
    x, y = x - weight @ x, y - weight @ y
    return np.asarray(np.clip((weight @ (x * y)) / (weight @ x**2 + 1e-9), 0, 1))


def _days_of(references: References) -> _Days:
    key = references.device * 100_000 + references.decision // DAY_DECISIONS
    _, first, day, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    enough = count >= LEAST_A_DAY
    if not enough.any():
        raise ValueError("no reference device was judged for six hours of a day")

    def means(array: NDArray[np.floating]) -> Floats:
        total = np.zeros((len(count), array.shape[1]))
        np.add.at(total, day, array.astype(np.float64))
        return np.asarray((total / count[:, None])[enough])

    values, past = references.values.astype(np.float64), references.past
    device, population = references.device[first][enough], references.population[first][enough]
    _, of_device, days = np.unique(device, return_inverse=True, return_counts=True)
    weight = balanced(1 / np.sqrt(days[of_device]), population)
    weight /= weight.sum()
    return _Days(means(values), means(values**2), means(past.mean), means(past.sd), means(past.sd**2), device, weight)


def _between(days: _Days) -> Floats:
    """Return float64[C]: the sd between reference devices of what their own past said at first."""
    _, first, of_device = np.unique(days.device, return_index=True, return_inverse=True)
    weight = np.bincount(of_device, days.weight)
    means = days.mean[first]
    return np.asarray(np.sqrt(weight @ (means - weight @ means) ** 2) + LEAST_SD)


def balanced(weight: Floats, population: Ints) -> Floats:
    """Return the weights scaled so that every population weighs the same, 1 on average.

    >>> balanced(np.ones(4), np.array([0, 0, 0, 1])).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    _, place = np.unique(population, return_inverse=True)
    total = np.bincount(place, weight)
    return np.asarray(weight / total[place] * len(weight) / len(total))


def tails_of(columns: Floats, weight: Floats) -> Tails:
    """Return the tails of one-sided columns float64[R, K] of clean decisions that weigh float64[R]."""
    wanted = np.r_[SHARES, 0.99, 1 - BEYOND]
    values = np.stack([quantiles(column, weight, wanted) for column in columns.T], axis=1)
    knots, (near, far) = values[: len(SHARES)], values[len(SHARES) :]
    return Tails(knots, np.maximum((far - near) / np.log10(0.01 / BEYOND), LEAST_SLOPE))


def quantiles(values: Floats, weight: Floats, shares: Floats) -> Floats:
    """Return the weighted quantiles. With equal weights those of `np.quantile`."""
    order = np.argsort(values)
    before = np.cumsum(weight[order]) - weight[order]
    return np.interp(shares, before / max(before[-1], 1e-12), values[order])
