"""Make recordings of the rows of some devices: minutes in order, those without a row missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.event_time import from_event_minute
from contracts.identifiers import label_of
from replay.recording import Recording
from replay.sources.minutes.averages import on_own_grid
from replay.sources.minutes.usable import Unusable, check_length
from replay.sources.source import Reading, merged, read_each
from replay.sources.tables.row_store import Piece, Rows

LONGEST_GAP_MIN: Final = 31 * 1440


@dataclass(frozen=True, slots=True)
class NamedDevice:
    """A device of a table: its id, and its name as the table writes it."""

    device_id: str
    given: str


@dataclass(frozen=True, slots=True, eq=False)
class DevicePart:
    """Neighbouring devices of a table and where their rows are. `kind` and `unit` say what the table and a row's place are called.

    `minutes` is how many rows there are. Can be sent to another process.
    """

    path: Path
    kind: str
    unit: str
    named: tuple[NamedDevice, ...]
    pieces: tuple[Piece, ...]
    minutes: int

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return len(self.named)

    def read(self) -> Reading:
        """Return one recording a device, in their order. Reads files and raises OSError where that fails."""
        return merged(self.readings())

    def readings(self) -> Iterator[Reading]:
        """Yield the same, a device at a time."""
        for place, device in enumerate(self.named):
            name = f"{self.path}, device {device.device_id}"
            rows = [piece.of(place) for piece in self.pieces]
            yield read_each([(name, partial(self._recording, name, device, np.concatenate(rows)))])

    def _recording(self, name: str, device: NamedDevice, rows: Rows) -> Recording:
        minutes = rows["event_minute"]
        if not (minutes[1:] > minutes[:-1]).all():
            rows = rows[np.argsort(minutes, kind="stable")]
            minutes = rows["event_minute"]
        self._check_steps(name, minutes, rows["line"])
        first, count = int(minutes[0]), int(minutes[-1] - minutes[0]) + 1
        check_length(name, count)
        grid = np.full((rows["rates"].shape[1], count), np.nan)
        grid[:, minutes - first] = rows["rates"].T
        (heart, heart_grid), (breath, breath_grid), *pulse = (on_own_grid(channel) for channel in grid)
        return Recording(
            device.device_id,
            first,
            heart,
            breath,
            pulse[0][0] if pulse else None,
            heart_grid,
            origin=f"{self.kind} {self.path.name}",
            label=label_of(device.given, device.device_id),
            resp_resolution_bpm=breath_grid,
        )

    def _check_steps(self, name: str, minutes: NDArray[np.int64], lines: NDArray[np.int64]) -> None:
        """Raise Unusable for a minute that has two rows, and for a gap that must be a wrong date."""
        ahead = np.diff(minutes)
        wrong = np.flatnonzero((ahead == 0) | (ahead > LONGEST_GAP_MIN))
        if not len(wrong):
            return
        before, after = wrong[0], wrong[0] + 1
        said = f"{from_event_minute(int(minutes[after])):%Y-%m-%dT%H:%MZ}"
        if ahead[before] == 0:
            first, second = sorted((int(lines[before]), int(lines[after])))
            raise Unusable(
                name, f"{self.unit} {second} is a second row for {said} (the first is {self.unit} {first}); "
                "a device has one row a minute",
            )  # fmt: skip
        raise Unusable(
            name, f"{self.unit} {lines[after]}: {said} is {ahead[before]} minutes after {self.unit} {lines[before]}; "
            f"gaps over {LONGEST_GAP_MIN} are taken for a wrong date",
        )  # fmt: skip
