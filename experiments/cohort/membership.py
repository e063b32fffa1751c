"""Where one real recording lies inside the synthetic population: whether it is an ordinary member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.cohort.catalogue import Statistic
from experiments.cohort.distances import percentile
from experiments.cohort.groups import Measured

CENTRAL: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Place:
    """One statistic of the recording; `low` and `high` enclose the central 95 % of `n_synthetic` patients."""

    statistic: Statistic
    value: float
    n_synthetic: int
    low: float
    median: float
    high: float
    percentile: float

    @property
    def outside(self) -> bool:
        """Whether the value lies outside the central 95 %."""
        return not self.low <= self.value <= self.high


@dataclass(frozen=True, slots=True)
class Membership:
    """A recording in the population of stays of its length and grid.

    `outside_expected` is the median number of statistics that a synthetic member has outside, and
    `members_as_far_out` the share of them with at least as many outside as the recording.
    """

    device_id: str
    minutes: int
    places: tuple[Place, ...]
    outside_expected: float
    members_as_far_out: float

    @property
    def outside(self) -> tuple[Place, ...]:
        """The statistics outside the central 95 %."""
        return tuple(place for place in self.places if place.outside)


def place(measured: Measured) -> Membership:
    """Return the place of the group's only recording among the synthetic stays measured with it."""
    (recording,) = measured.group.recordings
    places, members_outside = [], np.zeros(len(measured.synthetic), dtype=np.int64)
    for statistic in measured.catalogue:
        column = measured.synthetic_table[statistic.name]
        known = column[~np.isnan(column)]
        value = float(measured.real_table[statistic.name][0])
        if np.isnan(value) or not len(known):
            continue
        places.append(_place(statistic, value, known))
        members_outside += (column < places[-1].low) | (column > places[-1].high)
    ours = sum(one.outside for one in places)
    return Membership(
        recording.device_id,
        recording.minutes,
        tuple(places),
        float(np.median(members_outside)),
        float(np.mean(members_outside >= ours)),
    )


def _place(statistic: Statistic, value: float, known: NDArray[np.float64]) -> Place:
    low, median, high = (float(edge) for edge in np.quantile(known, [CENTRAL[0], 0.5, CENTRAL[1]]))
    return Place(statistic, value, len(known), low, median, high, percentile(value, known))
