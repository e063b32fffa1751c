"""Ways to change the detector for an ablation: its baseline, its columns, what its classifiers learn from."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.baseline.own_past import GROUP, OwnPast
from detectors.statistics.base import NETWORK
from detectors.statistics.registry import columns
from detectors.training.scores.table import CLEAN, DecisionTable

Floats = NDArray[np.float64]

LEFT_OUT: Final = -3
"""A stream that is neither clean nor learnt from nor judged."""
CAP_SD_A_DAY: Final = 0.5
"""So many of the enrolment's own standard deviations a baseline may move in a day, where its move is capped."""
DECISIONS_A_DAY: Final = 96


class FrozenBaseline(DecisionTable):
    """Every decision is held against the enrolment alone."""

    def own_past(self, values: NDArray[np.floating], *, frozen: bool = True) -> OwnPast:
        """Return the enrolment's own past, whatever is asked."""
        del frozen
        return super().own_past(values, frozen=True)


class CappedBaseline(DecisionTable):
    """The baseline keeps up with the device, but its mean moves only so much a day."""

    def own_past(self, values: NDArray[np.floating], *, frozen: bool = False) -> OwnPast:
        """Return the own past with its mean capped, on clean streams and so on their traces."""
        past = super().own_past(values, frozen=frozen)
        mean = past.mean.copy()
        for stream in np.flatnonzero(self.case == CLEAN):
            part = slice(int(self.start[stream]), int(self.stop[stream]))
            mean[part] = capped(past.mean[part], past.sd[part], int(self.enrolled[self.patient[stream]]))
        return OwnPast(mean[self.clean_row], past.sd, past.decisions)


def capped(mean: Floats, sd: Floats, enrolled: int) -> Floats:
    """Return baselines float64[k, C] that follow `mean` in steps of at most `CAP_SD_A_DAY` of the enrolment's sd a day."""
    if len(mean) <= enrolled:
        return mean
    step = sd[enrolled] * CAP_SD_A_DAY * GROUP / DECISIONS_A_DAY
    moved = mean.copy()
    for start in range(enrolled, len(mean), GROUP):
        before = moved[start - 1]
        stop = min(start + GROUP, len(mean))
        moved[start:stop] = before + np.clip(mean[start:stop] - before, -step, step)
    return moved


def as_kind(table: DecisionTable, kind: type[DecisionTable]) -> DecisionTable:
    """Return the same table with another kind of baseline."""
    return kind(**{field.name: getattr(table, field.name) for field in fields(DecisionTable)})


def without_network(table: DecisionTable) -> DecisionTable:
    """Return the table with the network's columns constant, so that they say nothing."""
    values = table.values.copy()
    values[:, [column.residual == NETWORK for column in columns()]] = 0
    return replace(table, values=values)


def without_streams(table: DecisionTable, streams: NDArray[np.bool_]) -> DecisionTable:
    """Return the table with some attacked or distorted streams neither learnt from nor judged."""
    return replace(table, case=np.where(streams, LEFT_OUT, table.case).astype(np.int32))
