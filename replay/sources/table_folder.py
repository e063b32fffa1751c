"""The recordings of a folder's files: a device may go on from one to the next, and a file of something else is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from replay.recording import Recording
from replay.sources.minutes.usable import Unusable, check_length
from replay.sources.source import Reading, merged, numbered_id, read_or_skip
from replay.sources.tables.device_recordings import LONGEST_GAP_MIN
from replay.sources.tables.device_rows import groups_of
from replay.sources.tables.recording_store import KeptRecording, RecordingStore


@dataclass(frozen=True, slots=True, eq=False)
class FolderPart:
    """Some devices of a folder, each with what its files hold of it, or files that are skipped. Can be sent to another process."""

    folder: Path
    own: tuple[tuple[KeptRecording, ...], ...]
    skipped: tuple[Unusable, ...] = ()

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return len(self.own)

    @property
    def minutes(self) -> int:
        """How many minutes their files hold."""
        return sum(each.minutes for parts in self.own for each in parts)

    def readings(self) -> Iterator[Reading]:
        """Yield what was skipped, then a device's recording at a time. Raises OSError where it cannot be read."""
        if self.skipped:
            yield Reading((), self.skipped)
        for kept in self.own:
            parts = [each.recording() for each in kept]
            try:
                yield Reading((joined(parts) if len(parts) > 1 else parts[0],))
            except Unusable as error:
                yield Reading((), (Unusable(f"{self.folder}, device {parts[0].device_id}", error.reason),))


@dataclass(slots=True)
class FolderRecordings:
    """What the files of a folder hold, device by device in the order in which they are met.

    The minutes of a device's parts are put together, those between them are missing. Parts that differ in a minute which both
    measured are skipped, all of them: which one is right is not ours to say. With `apart` nothing is put together: a
    subject's second recording is a device of its own, `<subject>-2`.
    """

    folder: Path
    store: RecordingStore
    apart: bool = False
    _skipped: list[Unusable] = field(default_factory=list)
    _formats: dict[str, None] = field(default_factory=dict)
    _own: list[list[KeptRecording]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _seen: Counter[str] = field(default_factory=Counter)

    def add(self, file: Path, readings: Callable[[], Iterable[Reading]]) -> None:
        """Add a file's recordings. One that cannot be read, be it at its end, is skipped under its name.

        Raises Unavailable where the store does.
        """
        reading = read_or_skip(str(file), partial(self._kept, readings))
        self._skipped += reading.skipped
        self._formats |= dict.fromkeys(reading.formats)

    @property
    def devices(self) -> int:
        """How many devices there are so far."""
        return len(self._own)

    @property
    def minutes(self) -> int:
        """How many minutes their files hold."""
        return sum(each.minutes for own in self._own for each in own)

    def reading(self) -> Reading:
        """Return all recordings, what was skipped and the files' formats."""
        found = merged(reading for part in self.parts(max(self.devices, 1)) for reading in part.readings())
        return replace(found, formats=tuple(self._formats))

    def parts(
        self, most_devices: int, fewest_devices: int | None = None, many_minutes: int = 0
    ) -> Iterator[FolderPart]:
        """Yield what was skipped, then the devices in their order, grouped as `groups_of` does."""
        if self._skipped:
            yield FolderPart(self.folder, (), tuple(self._skipped))
        minutes = [sum(each.minutes for each in own) for own in self._own]
        for first, end in groups_of(minutes, most_devices, fewest_devices, many_minutes):
            yield FolderPart(self.folder, tuple(tuple(own) for own in self._own[first:end]))

    def _kept(self, readings: Callable[[], Iterable[Reading]]) -> Reading:
        kept: list[KeptRecording] = []
        others: list[Reading] = []
        for reading in readings():
            kept += [self.store.keep(recording) for recording in reading.recordings]
            others.append(replace(reading, recordings=()))
        for each in kept:
            self._put(each)
        return merged(others)

    def _put(self, kept: KeptRecording) -> None:
        device_id = kept.known.device_id
        if self.apart:
            self._seen[device_id] += 1
            self._own.append([kept.named(numbered_id(device_id, self._seen[device_id]))])
            return
        place = self._places.setdefault(device_id, len(self._own))
        if place == len(self._own):
            self._own.append([])
        self._own[place].append(kept)


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
