"""Scales and threshold from clean streams, every one of them scored by a model that was fitted without its patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.array_types import Floats, Ints
from detectors.scoring.common_scale import CommonScale, peaks_of, scale_of, threshold_of
from detectors.scoring.components import SCORED
from detectors.training.scores.table import DecisionTable

Votes = Mapping[str, Floats]

FOLDS: Final = 5
LEAST_PEAKS: Final = 4


@dataclass(frozen=True, slots=True)
class Calibration:
    """`scales` by kind, `combined` among them, the `threshold` on the combined one, and the `weeks` and `patients` they rest on."""

    scales: Mapping[str, CommonScale]
    threshold: float
    weeks: float
    patients: int

    def combined(self, votes: Votes) -> Floats:
        """Return the combined score of votes by kind, float64[N]."""
        return self.scales["combined"].of(mean_of(self.scales, votes))


def mean_of(scales: Mapping[str, CommonScale], votes: Votes, kinds: Sequence[str] = SCORED) -> Floats:
    """Return the mean over the kinds of g, float64[N]."""
    return np.asarray(np.mean([scales[kind].of(votes[kind]) for kind in kinds], axis=0))


def dealt(lengths: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Return the fold of each patient, int64[P]: dealt by length of stay, so that the folds weigh alike."""
    order, fold = np.argsort(-lengths, kind="stable"), np.zeros(len(lengths), np.int64)
    for start in range(0, len(order), folds):
        group = order[start : start + folds]
        fold[group] = rng.permutation(folds)[: len(group)]
    return fold


def calibrated(table: DecisionTable, votes: Votes, patients: Ints, budget: float) -> Calibration:
    """Return scales and threshold of clean streams. `budget` in false exclusions a device-week.

    `votes` by kind float64[N] come from models that have not seen the patient. Raises ValueError when the streams are too few.
    """
    streams = table.clean_streams(patients)
    weeks = table.weeks(streams)

    def peaks(values: Floats) -> Floats:
        highest = np.sort([peak for part in streams for peak in peaks_of(values[part], table.judged[part])])[::-1]
        if len(highest) < LEAST_PEAKS:
            raise ValueError("the calibration patients are judged for less than a day in all")
        return highest

    scales = {kind: scale_of(peaks(votes[kind]), weeks) for kind in SCORED}
    together = peaks(mean_of(scales, votes))
    scales["combined"] = scale_of(together, weeks)
    limit = threshold_of(together, weeks, budget)
    threshold = float(scales["combined"].of(np.array(limit)))
    if budget * weeks < 1:  # no peak is rare enough: the scale's tail says where one would be
        threshold = max(threshold, float(-np.log10(budget)))
    return Calibration(scales, threshold, weeks, len(streams))


def out_of_sample(
    table: DecisionTable, fold: Ints, score: Callable[[Ints, Ints], Votes], judged: Ints
) -> dict[str, Floats]:
    """Return the votes by kind float64[N] of patients, each scored by a model that was fitted without its fold.

    `score(out, rows)` fits without the patients `out` and returns the votes of `rows`, all streams of those of them that
    are `judged`.
    """
    result = {kind: np.full(len(table), np.nan) for kind in SCORED}
    for place in range(int(fold.max()) + 1):
        out = np.flatnonzero(fold == place)
        rows = table.rows_of(np.intersect1d(out, judged))
        if len(rows):
            for kind, values in score(out, rows).items():
                result[kind][rows] = values[rows]
    return result
