"""One device's latest minutes in columns that never grow beyond a day: scores and states, or vital signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceState, ScoreBatch
from contracts.messages.vitals import VitalsBatch

CAPACITY_MIN: Final = 1440
STATES: Final[tuple[DeviceState, ...]] = tuple(DeviceState)
_CODE: Final = {state: code for code, state in enumerate(STATES)}

Columns = dict[str, NDArray[Any]]


class Minutes:
    """Columns by name over rising event minutes. The oldest minutes fall out once `CAPACITY_MIN` are there.

    A later session begins anew; an earlier one, a lower epoch and a minute that is not after the last are left out, because
    readers see some records twice. `added` counts every minute ever taken, `begun` every session.
    """

    def __init__(self, columns: Mapping[str, type]) -> None:
        self._kinds = {"minute": np.int64, **columns}
        self.session_id = -1
        self.epoch = -1
        self.begun = 0
        self.added = 0
        self._clear()

    @classmethod
    def of_scores(cls) -> Self:
        """Return the columns that a score batch fills: `state` holds places in STATES, a missing number is NaN."""
        return cls(
            {"score": np.float32, "threshold": np.float32, "error": np.float32, "flagged": np.bool_, "state": np.uint8}
        )

    @classmethod
    def of_vitals(cls) -> Self:
        """Return the columns that a vitals batch fills (bpm and breaths/min, NaN = missing)."""
        return cls({"heart": np.float32, "breath": np.float32, "pulse": np.float32})

    def __len__(self) -> int:
        return len(self._columns["minute"])

    @property
    def last_minute(self) -> int:
        """The newest event minute, or -1."""
        return int(self._columns["minute"][-1]) if len(self) else -1

    def take_scores(self, batch: ScoreBatch) -> None:
        """Take a batch of verdicts."""
        self._take(
            batch.session_id,
            batch.epoch,
            {
                "minute": batch.event_minute,
                "score": _floats(batch.score),
                "threshold": _floats(batch.threshold),
                "error": _floats(batch.reconstruction_error),
                "flagged": batch.flagged,
                "state": [_CODE[state] for state in batch.state],
            },
        )

    def take_vitals(self, batch: VitalsBatch) -> None:
        """Take a batch of vital signs."""
        count = len(batch)
        first = batch.first_event_minute
        pulse = batch.pulse_bpm if batch.pulse_bpm is not None else [None] * count
        self._take(
            batch.session_id,
            self.epoch,
            {
                "minute": range(first, first + count),
                "heart": _floats(batch.heart_rate_bpm),
                "breath": _floats(batch.resp_rate_bpm),
                "pulse": _floats(pulse),
            },
        )

    def after(self, added: int) -> Columns:
        """Return (views of) the minutes taken since `added` stood at that value, as far as they are still held."""
        count = min(self.added - added, len(self))
        return {name: column[len(column) - count :] for name, column in self._columns.items()}

    def latest(self, count: int) -> Columns:
        """Return (views of) the last minutes, at most so many."""
        return self.after(self.added - min(count, len(self)))

    def _take(self, session_id: int, epoch: int, rows: Mapping[str, Sequence[Any]]) -> None:
        if session_id < self.session_id or (session_id == self.session_id and epoch < self.epoch):
            return
        if session_id > self.session_id:
            self.session_id, self.begun = session_id, self.begun + 1
            self._clear()
        self.epoch = epoch
        minutes = np.asarray(rows["minute"], np.int64)
        new = minutes > np.maximum.accumulate(np.concatenate([[self.last_minute], minutes]))[:-1]
        if count := min(int(new.sum()), CAPACITY_MIN):
            for name, kind in self._kinds.items():
                longer = np.concatenate([self._columns[name], np.asarray(rows[name], kind)[new]])
                self._columns[name] = longer[-CAPACITY_MIN:]
            self.added += count

    def _clear(self) -> None:
        self._columns: Columns = {name: np.zeros(0, kind) for name, kind in self._kinds.items()}


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def as_json(column: NDArray[Any], decimals: int = 2) -> list[Any]:
    """Return a column as JSON can hold it: rounded, NaN as null."""
    if column.dtype.kind != "f":
        plain: list[Any] = column.tolist()
        return plain
    return [None if value != value else round(value, decimals) for value in column.tolist()]  # noqa: PLR0124 - NaN
