"""What one seed's studies are made on: the table of all decisions, and who takes part in which role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.decisions.votes import AGREE
from detectors.rules.copies import LIMIT_NATS
from detectors.rules.frozen import LIMIT_MIN
from detectors.training.scores.table import CLEAN, DecisionTable

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

JUDGED: Final = 0
SLOW: Final = 1
SIMULATED: Final = 2
"""Roles: patients that the headline is about, their streams under slow attacks, and the simulated cohort."""
OF_STREAM: Final = ("start", "stop", "patient", "case", "onset", "which")
OF_PATIENT: Final = ("name", "population", "enrolment_min", "enrolled")
OWN: Final = ("replay", "pulse", "distortions")
BY_PATIENT: Final = ("fold", "role", "grid_bpm", "slow")


@dataclass(frozen=True, eq=False)
class Material:
    """`table` holds everybody's decisions, `replay` and `pulse` float32[N] what these rules say by their limits.

    `distortions` int64[S] are those of distorted streams as bits (`families`).
    By patient `fold` int64[P], `role` int64[P], `grid_bpm` float64[P] (the coarser channel's), and `slow` int64[P, 3]: kind, ramp in
    days and onset of a slow attack (-1: none).
    """

    table: DecisionTable
    replay: NDArray[np.float32]
    pulse: NDArray[np.float32]
    distortions: Ints
    fold: Ints
    role: Ints
    grid_bpm: NDArray[np.float64]
    slow: Ints

    def taught_by(self, role: int) -> DecisionTable:
        """Return the table on which only patients of a role are judged, so that nobody else teaches or calibrates."""
        return replace(self.table, judged=self.table.judged & (self.role == role)[self.table.who])

    def patients(self, role: int) -> Ints:
        """Return the places of the patients of a role."""
        return np.flatnonzero(self.role == role)

    def rule_votes(self) -> dict[str, NDArray[np.float64]]:
        """Return by rule float64[N]: what the last two decisions agree on, by its limit (1: it speaks)."""
        table = self.table
        values = {"copy": table.nats / LIMIT_NATS, "frozen": table.run / LIMIT_MIN, "replay": self.replay}
        return {name: table.votes(measured.astype(np.float64), AGREE[name]) for name, measured in values.items()}

    def pulse_speaks(self) -> Bools:
        """Return bool[N]: the pulse rule speaks. It is no part of the headline, as an attacker may reach the pulse as well."""
        return self.table.votes(self.pulse.astype(np.float64), AGREE["pulse"]) >= 1

    def rules(self) -> dict[str, Bools]:
        """Return by rule bool[N]: it speaks."""
        return {name: votes >= 1 for name, votes in self.rule_votes().items()}

    def rows(self, roles: Sequence[int], cases: int | None = None) -> Ints:
        """Return the decisions of patients of some roles, of attacks only the first so many `cases` (None: all)."""
        return np.flatnonzero(self._streams(roles, cases)[self.table.stream])

    def part(self, roles: Sequence[int], cases: int | None = None) -> Material:
        """Return the same of some patients and attacks alone."""
        streams, known = self._streams(roles, cases), np.flatnonzero(np.isin(self.role, roles))
        place = np.full(len(self.role), -1, np.int32)
        place[known] = np.arange(len(known), dtype=np.int32)
        table = streams_of_table(self.table, streams)
        changed: dict[str, Any] = {name: getattr(table, name)[known] for name in OF_PATIENT}
        table = replace(table, patient=place[table.patient], **changed)
        own = {name: getattr(self, name)[known] for name in BY_PATIENT}
        rows = self.rows(roles, cases)
        return Material(table, self.replay[rows], self.pulse[rows], self.distortions[streams], **own)

    def _streams(self, roles: Sequence[int], cases: int | None) -> Bools:
        inside = np.isin(self.role, roles)[self.table.patient]
        return inside if cases is None else inside & (self.table.case < cases)

    def clean_rows(self) -> Ints:
        """Return the decisions of clean streams (and of streams under slow attacks, which stand in their place)."""
        return np.flatnonzero(self.table.case[self.table.stream] == CLEAN)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays by name, for a folder of stages."""
        own = {name: getattr(self, name) for name in (*OWN, *BY_PATIENT)}
        return {**{f"table_{name}": array for name, array in self.table.arrays().items()}, **own}


def material_of(arrays: Mapping[str, NDArray[Any]]) -> Material:
    """Return what `Material.arrays` gave."""
    table = {name.removeprefix("table_"): array for name, array in arrays.items() if name.startswith("table_")}
    return Material(DecisionTable(**table), **{name: arrays[name] for name in (*OWN, *BY_PATIENT)})


def streams_of_table(table: DecisionTable, streams: Bools) -> DecisionTable:
    """Return the table of some streams bool[S] alone. All patients keep their places."""
    rows, length = streams[table.stream], (table.stop - table.start)[streams]
    stop = np.cumsum(length)
    changed = {name: getattr(table, name)[streams] for name in OF_STREAM}
    changed |= {name: getattr(table, name) for name in OF_PATIENT} | {"start": stop - length, "stop": stop}
    others = {field.name for field in fields(table)} - set(changed)
    return type(table)(**changed, **{name: getattr(table, name)[rows] for name in others})
