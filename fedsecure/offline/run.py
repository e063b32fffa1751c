"""From files to rows: collect what they hold, judge it here or in worker processes, write the rows in order."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from detectors import Detector
from fedsecure.offline.judging import JudgedDevice, JudgedPath, Judging, Minutes, PathPart, judge
from fedsecure.offline.workers import Judged, judged_in_order
from fedsecure.tables.scores import header_of
from replay.sources import Known, check_device, check_usable, say_skipped
from replay.sources.minutes.usable import Unusable
from replay.sources.parts import FULL_TILE, Collected

WORTH_A_PROCESS_MIN: Final = 50_000
"""Minutes that are judged in about the time in which a process starts."""
Write = Callable[[bytes], object]


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True)
class Outcome:
    """What became of all recordings, without their rows."""

    devices: list[JudgedDevice] = field(default_factory=list)
    _seen: dict[str, Known] = field(default_factory=dict)
    _skipped: dict[Path, list[Unusable]] = field(default_factory=dict)
    _usable: dict[Path, int] = field(default_factory=dict)

    def add(self, paths: Sequence[JudgedPath]) -> None:
        """Add what was judged. Raises Misconfigured for a device that another path has."""
        for judged in paths:
            for device in judged.devices:
                check_device(self._seen, device)
            self.devices += judged.devices
            self._skipped.setdefault(judged.path, []).extend(judged.skipped)
            self._usable[judged.path] = self._usable.get(judged.path, 0) + len(judged.devices)

    def check(self) -> None:
        """Say what was skipped. Raises Misconfigured for a path without any usable recording."""
        for path, usable in self._usable.items():
            check_usable(path, usable, self._skipped[path])
        skipped = [error for errors in self._skipped.values() for error in errors]
        say_skipped(skipped, len(self.devices) + len(skipped))


def judge_all(
    found: Sequence[Collected],
    detector: Detector,
    judging: Judging,
    jobs: int,
    folder: Path,
    write: Write,
    minutes: Minutes,
) -> Outcome:
    """Judge what was collected and write its rows in the order of the recordings, whatever the number of jobs.

    Files lie in the folder meanwhile. Raises Misconfigured for what cannot be read or used, and OSError where a file cannot
    be written; what `write` was given then is not all.
    """
    outcome, header = Outcome(), header_of(judging.output_format).encode()
    jobs = min(jobs, sum(each.minutes for each in found) // WORTH_A_PROCESS_MIN)
    groups = _groups((each.path, part) for each in found for part in each.parts(max(jobs, 1)))
    if jobs:
        results = judged_in_order(judging, groups, jobs, folder, minutes)
    else:
        results = _judged_here(detector, judging, groups, folder, minutes)
    for judged in results:
        with judged.rows as rows:
            outcome.add(judged.paths)
            if outcome.devices:
                write(header)
                header = b""
            _copy(rows, judged.paths, write)
    outcome.check()
    return outcome


def _judged_here(
    detector: Detector, judging: Judging, groups: Iterable[Sequence[PathPart]], folder: Path, minutes: Minutes
) -> Iterator[Judged]:
    for group in groups:
        rows = io.BytesIO()
        yield Judged(judge(detector, judging, group, rows, folder, minutes), rows)


def _groups(parts: Iterable[PathPart]) -> Iterator[list[PathPart]]:
    """Yield parts to judge together: small ones of several files fill a tile of the network."""
    group: list[PathPart] = []
    devices = 0
    for path, part in parts:
        if group and devices + part.devices > FULL_TILE:
            yield group
            group, devices = [], 0
        group.append((path, part))
        devices += part.devices
    if group:
        yield group


def _copy(rows: BinaryIO, paths: Sequence[JudgedPath], write: Write) -> None:
    """Write the devices' lines, which lie interleaved, one device after the other."""
    for judged in paths:
        for device in judged.devices:
            for offset, size in device.rows:
                rows.seek(offset)
                write(rows.read(size))
            device.rows.clear()
