"""Compare a synthetic cohort with real recordings: distances by group, and where each real minute record lies in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.cohort.distances import Distance, distance, percentile
from experiments.cohort.groups import Group, Measured, Table, measure, read_groups
from experiments.cohort.statistics import Statistic
from replay.recording import Recording
from replay.sources.synthetic import synthetic_cohort

CENTRAL: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Place:
    """One statistic of the recording. `low` and `high` enclose the central 95 % of `n_synthetic` patients."""

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
    ours = sum(place.outside for place in places)
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


Progress = Callable[[str], None]  # called with what was just finished

DAY_MIN: Final = 1440
FEWEST_TO_COMPARE: Final = 5  # below, a recording is placed in the cohort but no distribution is compared
SHORTEST_MEMBER_MIN: Final = 6 * 60
SHOWN_QUANTILES: Final = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class CohortPlan:
    """What to make and how hard to look. `draws` are bootstrap draws and random splits."""

    seed: int
    patients: int
    days: int
    deteriorating_share: float
    draws: int = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One statistic of one group. Quantiles are the 10th, 50th and 90th percentile over patients."""

    statistic: Statistic
    n_real: int
    n_synthetic: int
    real_quantiles: tuple[float, ...]
    synthetic_quantiles: tuple[float, ...]
    distance: Distance


@dataclass(frozen=True, slots=True, eq=False)
class CohortReport:
    """All that the report shows. `measured` and `comparisons` have one entry a group (none compared: empty)."""

    plan: CohortPlan
    measured: tuple[Measured, ...]
    comparisons: tuple[tuple[Comparison, ...], ...]
    members: tuple[Membership, ...]


def steps_of(groups: Sequence[Group]) -> int:
    """Return how often `compare` will call its progress."""
    return 1 + len(groups) + len(_candidates(groups))


def groups_for(plan: CohortPlan, paths: Sequence[Path]) -> list[Group]:
    """Return the real recordings, none longer than the cohort's stays. See `read_groups`."""
    return read_groups(paths, plan.days * DAY_MIN)


def compare(plan: CohortPlan, groups: Sequence[Group], progress: Progress = lambda _: None) -> CohortReport:
    """Make the cohort, measure it and the groups, and compare. The same arguments give the same report."""
    cohort = synthetic_cohort(
        plan.seed, plan.patients, plan.days * DAY_MIN, deteriorating_share=plan.deteriorating_share
    )
    progress("cohort")
    measured, comparisons, members = [], [], []
    for at, group in enumerate(groups):
        cutting, drawing = np.random.default_rng([plan.seed, at]).spawn(2)  # more draws cut no stay differently
        measured.append(measure(group, cohort, cutting))
        comparisons.append(_comparisons(measured[-1], drawing, plan.draws))
        progress(group.name)
    for at, recording in enumerate(_candidates(groups)):
        alone = Group(recording.device_id, "minute", (recording,))
        members.append(place(measure(alone, cohort, np.random.default_rng([plan.seed, len(groups), at]))))
        progress(recording.device_id)
    return CohortReport(plan, tuple(measured), tuple(comparisons), tuple(members))


def is_few(group: Group) -> bool:
    """Say whether a monitor's recordings are too few to compare, so that each is placed in the cohort by itself."""
    return group.scale == "minute" and len(group.recordings) < FEWEST_TO_COMPARE


def _candidates(groups: Sequence[Group]) -> list[Recording]:
    """Monitor recordings of such groups that are long enough to be placed in the cohort."""
    few = [group for group in groups if is_few(group)]
    return [recording for group in few for recording in group.recordings if recording.minutes >= SHORTEST_MEMBER_MIN]


def _comparisons(measured: Measured, rng: np.random.Generator, draws: int) -> tuple[Comparison, ...]:
    if len(measured.group.recordings) < FEWEST_TO_COMPARE:
        return ()
    comparisons = []
    for statistic in measured.catalogue:
        real = _known(measured.real_table, statistic)
        synthetic = _known(measured.synthetic_table, statistic)
        if min(len(real), len(synthetic)) >= FEWEST_TO_COMPARE:
            apart = distance(real, synthetic, rng, draws)
            quantiles = (_quantiles(real), _quantiles(synthetic))
            comparisons.append(Comparison(statistic, len(real), len(synthetic), *quantiles, apart))
    return tuple(comparisons)


def _known(table: Table, statistic: Statistic) -> NDArray[np.float64]:
    values = table[statistic.name]
    return values[~np.isnan(values)]


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.quantile(values, SHOWN_QUANTILES))
