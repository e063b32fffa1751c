"""The real recordings a cohort is held against, in groups, each measured with the synthetic recordings made comparable to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.cohort.statistics import HOURLY, MINUTE, Statistic, Values, hourly_statistics, minute_statistics
from replay.recording import Recording
from replay.sources import read_sources
from replay.sources.minutes.charted import charted_recording, plausible

Scale = Literal["minute", "hourly"]

SHORTEST_CHART_MIN: Final = 12 * 60


@dataclass(frozen=True, slots=True)
class Group:
    """Real recordings of one source and time scale: a monitor's minutes, or what was charted about hourly.

    `left_out` counts the source's recordings that cannot be used, and charts shorter than half a day.
    """

    name: str
    scale: Scale
    recordings: tuple[Recording, ...]
    left_out: int = 0


def read_groups(paths: Sequence[Path], longest_min: int) -> list[Group]:
    """Return the recordings of the paths in groups: a folder is a group, and so are files of one folder.

    Recordings are cut to their first `longest_min` minutes. Reads files; raises Misconfigured for one that is wrong.
    """
    by_source: dict[str, list[Path]] = {}
    for path in paths:
        name = path.resolve().name if path.is_dir() else path.resolve().parent.name
        by_source.setdefault(name, []).append(path)
    readings = {name: read_sources(of_source) for name, of_source in by_source.items()}
    groups = []
    for name, reading in readings.items():
        first = [recording.sliced(0, longest_min) for recording in reading.recordings]
        groups += _by_scale(name, first, len(reading.skipped))
    return groups


def cut_to_lengths(
    recordings: Sequence[Recording], lengths_min: Sequence[int], rng: np.random.Generator
) -> list[Recording]:
    """Return a random piece of each recording, as long as one of the lengths, each length in turn.

    A real recording is a piece of a stay as well, and what varies slowly looks smaller in a short one.
    """
    pieces = []
    for index, recording in enumerate(recordings):
        length_min = min(lengths_min[index % len(lengths_min)], recording.minutes)
        start = int(rng.integers(0, recording.minutes - length_min + 1))
        pieces.append(recording.sliced(start, length_min))
    return pieces


def charted(recording: Recording, minute_of_hour: int) -> Recording:
    """Return what a nurse would have charted: one whole number an hour, and straight lines between, as readers draw them.

    Raises Misconfigured when a channel has no plausible value at any of these minutes.
    """
    event_minutes = range(recording.first_event_minute + minute_of_hour, recording.end_event_minute, 60)
    charts = [
        plausible(zip(event_minutes, np.round(values[minute_of_hour::60]), strict=True), channel)
        for channel, values in enumerate((recording.heart_rate_bpm, recording.resp_rate_bpm))
    ]
    return charted_recording(recording.device_id, recording.device_id, charts[0], charts[1], recording.origin)


def _by_scale(name: str, recordings: Sequence[Recording], skipped: int) -> list[Group]:
    minute = tuple(recording for recording in recordings if not recording.charted)
    charts = tuple(recording for recording in recordings if recording.charted)
    usable = tuple(recording for recording in charts if recording.minutes >= SHORTEST_CHART_MIN)
    groups = [Group(name, "minute", minute, skipped)] if minute else []
    return [*groups, Group(name, "hourly", usable, skipped + len(charts) - len(usable))] if usable else groups


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
        synthetic = [charted(piece, int(rng.integers(60))) for piece in pieces]
    else:
        grids = {recording.grids_bpm for recording in group.recordings}
        alike = [patient for patient in cohort if patient.grids_bpm in grids]
        synthetic = cut_to_lengths(alike or cohort, lengths_min, rng)
    tables = (table_of(recordings, group.scale) for recordings in (group.recordings, synthetic))
    return Measured(group, tuple(synthetic), *tables)


def table_of(recordings: Sequence[Recording], scale: Scale) -> Table:
    """Return every statistic of the time scale as float64[recordings]."""
    rows = [_MEASURES[scale](recording.heart_rate_bpm, recording.resp_rate_bpm) for recording in recordings]
    return {statistic.name: np.array([row[statistic.name] for row in rows]) for statistic in _CATALOGUES[scale]}
