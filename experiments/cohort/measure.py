"""Measure a group of real recordings and the synthetic ones beside it, statistic by statistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.cohort.catalogue import HOURLY, MINUTE, Statistic
from experiments.cohort.groups import Group, Scale, charted, cut_to_lengths
from experiments.cohort.statistics import Values, hourly_statistics, minute_statistics
from replay.recording import Recording

Table = dict[str, NDArray[np.float64]]

_MEASURES: Final[dict[Scale, Callable[[Values, Values], dict[str, float]]]] = {
    "minute": minute_statistics,
    "hourly": hourly_statistics,
}
_CATALOGUES: Final[dict[Scale, tuple[Statistic, ...]]] = {"minute": MINUTE, "hourly": HOURLY}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A group, the synthetic recordings made comparable, and both tables: statistic -> float64[recordings], NaN = none."""

    group: Group
    synthetic: tuple[Recording, ...]
    real_table: Table
    synthetic_table: Table

    @property
    def catalogue(self) -> tuple[Statistic, ...]:
        """The statistics of the group's time scale."""
        return _CATALOGUES[self.group.scale]


def measure(group: Group, cohort: Sequence[Recording], rng: np.random.Generator) -> Measured:
    """Return the group's statistics and those of the cohort, each patient cut to the length of one of the recordings.

    Beside a monitor's minutes stand the patients whose monitor writes on the same grid (all, if there is none); beside
    charts all patients, charted like them at a random minute of the hour.
    """
    lengths_min = [recording.minutes for recording in group.recordings]
    if group.scale == "hourly":
        pieces = cut_to_lengths(cohort, lengths_min, rng)
        synthetic = [charted(one, int(rng.integers(60))) for one in pieces]
    else:
        grids = {recording.grids_bpm for recording in group.recordings}
        alike = [one for one in cohort if one.grids_bpm in grids]
        synthetic = cut_to_lengths(alike or cohort, lengths_min, rng)
    tables = (table_of(recordings, group.scale) for recordings in (group.recordings, synthetic))
    return Measured(group, tuple(synthetic), *tables)


def table_of(recordings: Sequence[Recording], scale: Scale) -> Table:
    """Return every statistic of the time scale as float64[recordings]."""
    rows = [_MEASURES[scale](recording.heart_rate_bpm, recording.resp_rate_bpm) for recording in recordings]
    return {statistic.name: np.array([row[statistic.name] for row in rows]) for statistic in _CATALOGUES[scale]}
