"""Read a folder of tables: a device may go on from one file to the next, and a file of something else is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.reading import Reading
from replay.sources.usable import Unusable, check_length
from replay.sources.vital_rows import LONGEST_GAP_MIN


def read_table_folder(files: Sequence[Path], read: Callable[[Path], Reading]) -> Reading:
    """Return the recordings of all files, one a device; a file that cannot be read is skipped under its name.

    Parts of one device are joined in the order of their times, the minutes between them missing. Parts that overlap are
    skipped, all of them: which one is right is not ours to say.
    """
    parts: dict[str, list[Recording]] = {}
    skipped: list[Unusable] = []
    for file in files:
        try:
            reading = read(file)
        except Misconfigured as error:
            skipped.append(error if isinstance(error, Unusable) else Unusable(str(file), _without_name(error, file)))
            continue
        skipped += reading.skipped
        for recording in reading.recordings:
            parts.setdefault(recording.device_id, []).append(recording)
    recordings = []
    for device_id, own in parts.items():
        try:
            recordings.append(joined(own) if len(own) > 1 else own[0])
        except Unusable as error:
            skipped.append(Unusable(f"{files[0].parent}, device {device_id}", error.reason))
    return Reading(tuple(recordings), tuple(skipped))


def joined(parts: Sequence[Recording]) -> Recording:
    """Return the parts of one device as one recording, on the finer of their grids. Raises Unusable when they do not fit."""
    parts = sorted(parts, key=lambda part: part.first_event_minute)
    device_id, first = parts[0].device_id, parts[0].first_event_minute
    origins = ", ".join(part.origin for part in parts)
    for before, after in pairwise(parts):
        ahead = after.first_event_minute - before.end_event_minute
        if ahead < 0:
            raise Unusable(device_id, f"its minutes are in two files, which overlap: {origins}")
        if ahead > LONGEST_GAP_MIN:
            raise Unusable(device_id, f"{ahead} minutes between its files, which is taken for a wrong date: {origins}")
    minutes = parts[-1].end_event_minute - first
    check_length(device_id, minutes)
    channels = {name: np.full(minutes, np.nan) for part in parts for name in part.channels()}
    for part in parts:
        start = part.first_event_minute - first
        for name, values in part.channels().items():
            channels[name][start : start + part.minutes] = values
    known = replace(
        parts[0],
        resolution_bpm=min(part.resolution_bpm for part in parts),
        origin=origins,
        charted=any(part.charted for part in parts),
    )
    return replace(known, **channels)  # type: ignore[arg-type]


def _without_name(error: Misconfigured, file: Path) -> str:
    return str(error).removeprefix(str(file)).lstrip(":, ")
