"""Read the files of a folder as one table: a device may go on from one to the next, and a file of something else is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from replay.recording import Recording
from replay.sources.minutes.usable import Unusable, check_length
from replay.sources.source import Reading, merged, numbered, read_or_skip
from replay.sources.tables.device_recordings import LONGEST_GAP_MIN


def read_files(folder: Path, files: Sequence[Path], read: Callable[[Path], Reading]) -> Reading:
    """Return the recordings of all files, one a device. A file that cannot be read is skipped under its name.

    The minutes of a device's parts are put together, those between them are missing. Parts that differ in a minute which
    both measured are skipped, all of them: which one is right is not ours to say.
    """
    reading = _all_of(files, read)
    skipped = list(reading.skipped)
    parts: dict[str, list[Recording]] = {}
    for recording in reading.recordings:
        parts.setdefault(recording.device_id, []).append(recording)
    recordings = []
    for device_id, own in parts.items():
        try:
            recordings.append(joined(own) if len(own) > 1 else own[0])
        except Unusable as error:
            skipped.append(Unusable(f"{folder}, device {device_id}", error.reason))
    return replace(reading, recordings=tuple(recordings), skipped=tuple(skipped))


def read_records(files: Sequence[Path], read: Callable[[Path], Reading]) -> Reading:
    """Return the recordings of all files. A subject's second one is a device of its own, `<subject>-2`."""
    return numbered(_all_of(files, read))


def _all_of(files: Sequence[Path], read: Callable[[Path], Reading]) -> Reading:
    return merged(read_or_skip(str(file), partial(read, file)) for file in files)


def joined(parts: Sequence[Recording]) -> Recording:
    """Return the parts of one device as one recording, on the finer of their grids. Raises Unusable when they do not fit."""
    parts = sorted(parts, key=lambda part: part.first_event_minute)
    device_id, first = parts[0].device_id, parts[0].first_event_minute
    origins = ", ".join(part.origin for part in parts)
    if names := sorted({part.label or device_id for part in parts})[1:]:
        raise Unusable(device_id, f"two names become this one id, {names[0]!r} is one of them: {origins}")
    end = first
    for before, after in pairwise(parts):
        end = max(end, before.end_event_minute)
        if (ahead := after.first_event_minute - end) > LONGEST_GAP_MIN:
            raise Unusable(device_id, f"{ahead} minutes between its files, which is taken for a wrong date: {origins}")
    minutes = max(part.end_event_minute for part in parts) - first
    check_length(device_id, minutes)
    channels = {name: np.full(minutes, np.nan) for part in parts for name in part.channels()}
    for part in parts:
        for name, values in part.channels().items():
            span = channels[name][part.first_event_minute - first :][: part.minutes]
            if np.any((span != values) & ~np.isnan(span) & ~np.isnan(values)):
                raise Unusable(device_id, f"its minutes are in two files, which overlap: {origins}")
            np.copyto(span, values, where=~np.isnan(values))
    known = replace(
        parts[0],
        resolution_bpm=min(part.grids_bpm[0] for part in parts),
        resp_resolution_bpm=min(part.grids_bpm[1] for part in parts),
        origin=origins,
        charted=any(part.charted for part in parts),
    )
    return replace(known, **channels)  # type: ignore[arg-type]
