"""Folds by patient: fitted and calibrated on the others, judged on the one that is left, as in use: what is flagged joins no baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.baseline.own_past import OwnPast
from detectors.decisions.votes import AGREE
from detectors.scoring.common_scale import CommonScale, peaks_of, scale_of, threshold_of
from detectors.scoring.components import SCORED, FittedScores
from detectors.training.scores.scoring_fit import fit_scores, raw_components, voted_components
from detectors.training.scores.table import CLEAN, DecisionTable
from experiments.evaluation.measurement.material import streams_of_table

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
    """Return by kind the smallest of the last decisions that vote (`AGREE`). Scales rise, so votes may be taken before or after."""
    return {kind: table.votes(values, AGREE[kind]) for kind, values in said.items()}


def said_in_use(table: DecisionTable, streams: Bools, detector: FoldDetector, rules: Bools) -> dict[str, Floats]:
    """Return by kind float64[N] what each decision of some streams bool[S] says, as g. NaN elsewhere.

    `streams` holds traces only together with their patient's clean stream; `rules` bool[N]: a rule spoke.
    """
    clean = streams & (table.case == CLEAN)
    rows, clean_rows = (np.flatnonzero(wanted[table.stream]) for wanted in (streams, clean))
    usable = table.usable.copy()
    usable[clean_rows] = _kept(streams_of_table(table, clean), detector, rules[clean_rows])
    said = {}
    for kind, values in detector.said(streams_of_table(replace(table, usable=usable), streams)).items():
        said[kind] = np.full(len(table), np.nan)
        said[kind][rows] = values
    return said


def _kept(table: DecisionTable, detector: FoldDetector, rules: Bools) -> Bools:
    """Return bool[N]: the decisions of clean streams that may join a baseline."""
    kept = table.usable
    for _ in range(MOST_PASSES):
        said = detector.said(replace(table, usable=kept))
        before, kept = kept, table.usable & ~detector.flagged(table, said, rules)
        if np.array_equal(before, kept):
            break
    return kept


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Votes = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Fold:
    """One judged fold: its `rows`, what each says `alone` and by vote (`scores`), and the votes of those that calibrate.

    All as g by kind, float64[N], NaN where they do not apply; `patients` are those that calibrate, on clean streams.
    """

    rows: Ints
    alone: Votes
    scores: Votes
    calibration: Votes
    patients: Ints


@dataclass(frozen=True, slots=True)
class FoldPlan:
    """Who is judged in which `fold` int64[P]. `learnt` attacks by their places in the table's cases. The `budget` of the limit."""

    fold: Ints
    learnt: frozenset[int]
    seed: int
    epochs: int
    budget: float

    @property
    def places(self) -> range:
        """The folds."""
        return range(int(self.fold.max()) + 1)


class CombinedScale(NamedTuple):
    """The scale of the mean of some kinds, with the clean peaks and device-weeks behind it."""

    scale: CommonScale
    peaks: Floats
    weeks: float

    def limit(self, budget: float) -> float:
        """Return the threshold, as g, at so many false exclusions a device-week."""
        return float(self.scale.of(np.array(threshold_of(self.peaks, self.weeks, budget))))


def combined_scale(table: DecisionTable, votes: Votes, patients: Ints, kinds: Sequence[str] = SCORED) -> CombinedScale:
    """Return the scale that the clean streams of some patients give the mean of `kinds`."""
    streams = table.clean_streams(patients)
    peaks, weeks = clean_peaks(table, mean_of(votes, kinds), streams), table.weeks(streams)
    return CombinedScale(scale_of(peaks, weeks), peaks, weeks)


def mean_of(votes: Votes, kinds: Sequence[str]) -> Floats:
    """Return the mean over some kinds."""
    return np.asarray(np.mean([votes[kind] for kind in kinds], axis=0))


def clean_peaks(table: DecisionTable, values: Floats, streams: Sequence[slice]) -> Floats:
    """Return the independent peaks of clean streams, largest first."""
    return np.sort([peak for part in streams for peak in peaks_of(values[part], table.judged[part])])[::-1]


class InUse(NamedTuple):
    """What holds of decisions whoever teaches: bool[N] they are judged, bool[N] a rule spoke."""

    judged: Bools
    rules: Bools


def judged_folds(table: DecisionTable, plan: FoldPlan, in_use: InUse, *, strict: bool) -> list[Fold]:
    """Return every fold judged. Who is `judged` in the table teaches and calibrates. Blocks for a minute or more.

    `strict`: whoever calibrates fold f is scored by models that have seen neither him nor f (15 fits of five folds); else by
    the one that has not seen him (5 fits).
    """
    past = table.own_past(table.values)

    def fit(left_out: Sequence[int]) -> FittedScores:
        patients = np.flatnonzero(~np.isin(plan.fold, left_out))
        return fit_scores(table, past, patients, plan.learnt, plan.seed, plan.epochs)

    fitted = {place: fit([place]) for place in plan.places}
    votes = _calibrating(table, past, plan, fit if strict else lambda left_out: fitted[left_out[0]], strict)
    return [_judged(table, plan, place, fitted[place], votes[place], in_use) for place in plan.places]


def _calibrating(
    table: DecisionTable,
    past: OwnPast,
    plan: FoldPlan,
    fit: Callable[[Sequence[int]], FittedScores],
    strict: bool,
) -> list[dict[str, Floats]]:
    """Return by fold the votes by kind float64[N] of the clean streams of all other folds."""
    votes_by_fold = [{kind: np.full(len(table), np.nan) for kind in SCORED} for _ in plan.places]
    pairs = [(a, b) for b in plan.places for a in range(b)] if strict else [(place,) for place in plan.places]
    for left_out in pairs:
        rows = table.rows_of(np.flatnonzero(np.isin(plan.fold, left_out)), only_clean=True)
        votes = voted_components(table, past, fit(left_out), rows)
        for place in left_out if strict else plan.places:
            own = rows[plan.fold[table.who[rows]] != place]
            for kind in SCORED:
                votes_by_fold[place][kind][own] = votes[kind][own]
    return votes_by_fold


def _judged(
    table: DecisionTable, plan: FoldPlan, place: int, fitted: FittedScores, votes: Votes, in_use: InUse
) -> Fold:
    patients = np.flatnonzero(plan.fold != place)
    streams = table.clean_streams(patients)
    weeks = table.weeks(streams)
    scales = {kind: scale_of(clean_peaks(table, votes[kind], streams), weeks) for kind in SCORED}
    calibration = {kind: scales[kind].of(votes[kind]) for kind in SCORED}
    combined = combined_scale(table, calibration, patients)
    detector = FoldDetector(fitted, scales, combined.scale, combined.limit(plan.budget))
    inside = plan.fold == place
    own = replace(table, judged=in_use.judged)
    alone = said_in_use(own, inside[table.patient], detector, in_use.rules)
    rows = table.rows_of(np.flatnonzero(inside))
    return Fold(rows, alone, voted(table, alone), calibration, patients)
