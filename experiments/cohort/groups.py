"""The real recordings a cohort is held against, in groups, and synthetic recordings made comparable to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

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
