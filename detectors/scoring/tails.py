"""One-sided columns of both channels together, and how rare their values are among clean reference devices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Floats
from detectors.statistics import lattice
from detectors.statistics.base import BOTH, BREATH, HEART, LEVEL, MIDDLE_MIN, NEIGHBOURS, SLOW_MIN
from detectors.statistics.registry import Column, columns, statistics

SHARES: Final = np.r_[np.linspace(0.5, 0.99, 40), 1 - np.logspace(-2, np.log10(0.002), 15)]
BEYOND: Final = 0.002
LARGEST_U: Final = 40.0


class TailColumn(NamedTuple):
    """One side of one statistic: `heart` and `breath` are places among `columns()`, equal where it is one number.

    `is_smallest`: J, the smaller of both channels; else G, their geometric mean (or the number itself).
    """

    group: str
    statistic: str
    side: int
    minutes: int
    heart: int
    breath: int
    is_smallest: bool


def _pair(group: str, statistic: str, residual: str, minutes: int, side: int) -> list[TailColumn]:
    at = {column: place for place, column in enumerate(columns())}
    heart, breath = (at[Column(statistic, residual, channel, minutes)] for channel in (HEART, BREATH))
    return [TailColumn(group, statistic, side, minutes, heart, breath, smallest) for smallest in (True, False)]


def _single(group: str, statistic: str, residual: str, channel: str, minutes: int, side: int) -> TailColumn:
    place = columns().index(Column(statistic, residual, channel, minutes))
    return TailColumn(group, statistic, side, minutes, place, place, is_smallest=False)


@cache
def fast_columns() -> tuple[TailColumn, ...]:
    """Return the columns of the family-free score: an hour, and three for the lattice."""
    chosen: list[TailColumn] = []
    for statistic in statistics():
        residual = NEIGHBOURS if NEIGHBOURS in statistic.residuals else LEVEL
        for tail in statistic.tails:
            if statistic.is_joint:
                chosen.append(_single(tail.group, statistic.name, residual, BOTH, tail.minutes, tail.side))
            else:
                chosen += _pair(tail.group, statistic.name, residual, tail.minutes, tail.side)
    for tail in lattice.TAILS:
        chosen += _pair(tail.group, lattice.NAME, "values", tail.minutes, tail.side)
        chosen.append(_single(tail.group, lattice.NAME, "values", BOTH, tail.minutes, tail.side))
    return tuple(chosen)


@cache
def slow_columns() -> tuple[TailColumn, ...]:
    """Return the columns of six hours (lattice: three)."""
    chosen: list[TailColumn] = []
    for statistic in statistics():
        for residual in statistic.slow_residuals:
            for side in (+1, -1):
                chosen += _pair(statistic.name, statistic.name, residual, SLOW_MIN, side)
    names = (HEART, BREATH, BOTH)
    return (*chosen, *(_single(lattice.NAME, lattice.NAME, "values", name, MIDDLE_MIN, +1) for name in names))


def one_sided(r: Floats, wanted: tuple[TailColumn, ...]) -> Floats:
    """Return float64[R, len(wanted)] of standardised statistics r float64[R, C].

    J = min(r_HR, r_RR): both at least so unusual on the same side. G = sqrt(r_HR+ r_RR+); the small term only breaks
    ties at 0, where half the rows would lie.
    """
    side = np.array([column.side for column in wanted])
    heart = r[:, [column.heart for column in wanted]] * side
    breath = r[:, [column.breath for column in wanted]] * side
    smallest = np.minimum(heart, breath)
    mean = np.sqrt(np.maximum(heart, 0) * np.maximum(breath, 0)) + 0.05 * np.clip(smallest, -5, 5)
    is_single = np.array([column.heart == column.breath for column in wanted])
    is_smallest = np.array([column.is_smallest for column in wanted])
    return np.asarray(np.where(is_single, heart, np.where(is_smallest, smallest, mean)))


@dataclass(frozen=True, slots=True)
class Tails:
    """u = -log10 of a column's upper tail probability among clean decisions of reference devices.

    `quantiles` float64[55, K] at `SHARES`; `slope` float64[K]: column units a decade beyond 99.8 %.
    """

    quantiles: Floats
    slope: Floats

    def of(self, values: Floats) -> Floats:
        """Return u float64[R, K], at most 40, of columns float64[R, K]."""
        usual = -np.log10(1 - SHARES)
        last = self.quantiles[-1]
        u = np.where(values > last, -np.log10(BEYOND) + (values - last) / self.slope, 0.0)
        for place in range(values.shape[1]):
            inside = values[:, place] <= last[place]
            u[inside, place] = np.interp(values[inside, place], self.quantiles[:, place], usual)
        return np.minimum(u, LARGEST_U)
