"""What a fold's detector says of streams as it would in use: decisions that it flags never join a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.decisions.votes import AGREE
from detectors.scoring.common_scale import CommonScale
from detectors.scoring.components import FittedScores
from detectors.training.scores.scoring_fit import raw_components
from detectors.training.scores.table import CLEAN, DecisionTable
from experiments.evaluation.measurement.material import streams_of_table

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_PASSES: Final = 40
"""A baseline ends half a day before its decision, so each pass is right for half a day more; most streams need three."""


@dataclass(frozen=True, slots=True)
class FoldDetector:
    """What four folds teach: the fitted scores, each kind's scale, the scale of their mean, and the limit on that."""

    fitted: FittedScores
    scales: Mapping[str, CommonScale]
    combined: CommonScale
    limit: float

    def said(self, table: DecisionTable) -> dict[str, Floats]:
        """Return by kind float64[N] what each decision of a table says by itself, as g."""
        rows = np.arange(len(table))
        raw = raw_components(table, table.own_past(table.values), self.fitted, rows)
        return {kind: self.scales[kind].of(values) for kind, values in raw.items()}

    def flagged(self, table: DecisionTable, said: Mapping[str, Floats], rules: Bools) -> Bools:
        """Return bool[N]: judged, and the vote over the limit or a rule spoke."""
        score = self.combined.of(np.mean(list(voted(table, said).values()), axis=0))
        return np.asarray(table.judged & ((score >= self.limit) | rules))


def voted(table: DecisionTable, said: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return by kind the smallest of the last decisions that vote (`AGREE`); scales rise, so votes may be taken before or after."""
    return {kind: table.votes(values, AGREE[kind]) for kind, values in said.items()}


def said_in_use(table: DecisionTable, streams: Bools, detector: FoldDetector, rules: Bools) -> dict[str, Floats]:
    """Return by kind float64[N] what each decision of some streams bool[S] says, as g; NaN elsewhere.

    `streams` holds traces only together with their patient's clean stream; `rules` bool[N]: a rule spoke.
    """
    clean = streams & (table.case == CLEAN)
    rows, clean_rows = (np.flatnonzero(wanted[table.stream]) for wanted in (streams, clean))
    usable = table.usable.copy()
    usable[clean_rows] = _kept(streams_of_table(table, clean), detector, rules[clean_rows])
    found = {}
    for kind, values in detector.said(streams_of_table(replace(table, usable=usable), streams)).items():
        found[kind] = np.full(len(table), np.nan)
        found[kind][rows] = values
    return found


def _kept(table: DecisionTable, detector: FoldDetector, rules: Bools) -> Bools:
    """Return bool[N]: the decisions of clean streams that may join a baseline."""
    kept = table.usable
    for _ in range(MOST_PASSES):
        said = detector.said(replace(table, usable=kept))
        before, kept = kept, table.usable & ~detector.flagged(table, said, rules)
        if np.array_equal(before, kept):
            break
    return kept
