"""Simple detectors on the same decisions, each with a vote of three, and thresholds from the same clean patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from detectors.baseline.own_past import OwnPast
from detectors.minutes.windows import STEP_MIN
from detectors.scoring.common_scale import threshold_of
from detectors.statistics.base import CHANNELS, FAST_MIN, LEVEL, NETWORK
from detectors.statistics.registry import Column, columns
from detectors.training.scores.references_fit import References, standardisation_of
from detectors.training.scores.table import CLEAN, DecisionTable
from detectors.training.workfolder import WorkFolder
from experiments.evaluation.judging.folds import clean_peaks
from experiments.evaluation.measurement.material import JUDGED, Material, material_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Fit = Callable[[Floats], Callable[[Floats], Floats]]
"""From clean rows float64[R, C] to a score of rows, higher = more anomalous."""

AGREE: Final = 3
TREES: Final = 100
MOST_ROWS: Final = 20_000
PART: Final = 4096
DAY_DECISIONS: Final = 1440 // STEP_MIN


@dataclass(frozen=True, slots=True)
class BaselineRun:
    """One baseline on a seed's material (see `runs.Run`)."""

    name: str
    work: WorkFolder
    material: str
    seed: int
    cases: int
    budget: float


def _forest(seed: int) -> Fit:
    def fit(rows: Floats) -> Callable[[Floats], Floats]:
        forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(rows)
        return lambda wanted: -np.asarray(forest.score_samples(wanted))

    return fit


def _ecod(rows: Floats) -> Callable[[Floats], Floats]:
    """ECOD (Li et al. 2022): how rare a row is in each column's own tail, added over columns.

    PyOD's counts the judged rows among the known ones, so that a score depends on whatever is judged with it; here tails and
    skewness are those of the clean rows alone.
    """
    known = np.sort(rows[:: max(1, len(rows) // MOST_ROWS)], axis=0)
    skewed_left = (known < known.mean(axis=0)).mean(axis=0) < 0.5

    def score(wanted: Floats) -> Floats:
        left, right, auto = (np.zeros(len(wanted)) for _ in range(3))
        for column in range(known.shape[1]):
            below = np.searchsorted(known[:, column], wanted[:, column], side="right")
            above = len(known) - np.searchsorted(known[:, column], wanted[:, column], side="left")
            low, high = (-np.log((count + 1) / (len(known) + 1)) for count in (below, above))
            left, right = left + low, right + high
            auto += low if skewed_left[column] else high
        return np.maximum(np.maximum(left, right), auto)

    return score


def run_baseline(run: BaselineRun) -> dict[str, NDArray[Any]]:
    """Return {"flagged": bool[N]} on the judged patients' decisions. Blocks for a minute. For a worker process."""
    material = material_of(run.work.kept(run.material)).part((JUDGED,), run.cases)
    return {"flagged": FLAGGED[run.name](material, run)}


def _fitted(material: Material, run: BaselineRun, fit: Fit) -> Bools:
    """Score each fold by what was fitted on the others: their standardisation and their clean rows."""
    table = material.table
    past = table.own_past(table.values)
    scores = np.full(len(table), np.nan)
    for place in range(int(material.fold.max()) + 1):
        inside = (material.fold != place)[table.who] & table.judged & table.is_clean
        rows = np.flatnonzero((material.fold == place)[table.who])
        standardise = _standardised(table, past, np.flatnonzero(inside))
        score = fit(standardise(np.flatnonzero(inside)))
        for start in range(0, len(rows), PART):
            scores[rows[start : start + PART]] = score(standardise(rows[start : start + PART]))
    return _over(material, scores, run.budget)


def _standardised(table: DecisionTable, past: OwnPast, clean: Ints) -> Callable[[Ints], Floats]:
    def of(rows: Ints) -> OwnPast:
        return OwnPast(past.mean[rows], past.sd[rows], past.decisions[rows])

    device, decision = table.who[clean].astype(np.int64), table.decision[clean].astype(np.int64)
    references = References(table.values[clean], of(clean), device, np.zeros(len(clean), np.int64), decision)
    fitted = standardisation_of(references)
    return lambda rows: fitted.of(table.values[rows].astype(np.float64), of(rows))


def _over(material: Material, scores: Floats, budget: float) -> Bools:
    """Return what the vote flags against the threshold of the other folds' clean streams."""
    table, flagged = material.table, np.zeros(len(scores), np.bool_)
    votes = table.votes(scores, AGREE)
    for place in range(int(material.fold.max()) + 1):
        streams = table.clean_streams(np.flatnonzero(material.fold != place))
        limit = threshold_of(clean_peaks(table, votes, streams), table.weeks(streams), budget)
        flagged |= (votes >= limit) & (material.fold == place)[table.who]
    return flagged


def _column(table: DecisionTable, statistic: str, residual: str) -> Floats:
    places = [columns().index(Column(statistic, residual, channel, FAST_MIN)) for channel in CHANNELS]
    return table.values[:, places].astype(np.float64)


def _level(material: Material, run: BaselineRun) -> Bools:
    return _over(material, np.abs(_column(material.table, "level", LEVEL)).max(axis=1), run.budget)


def _error(table: DecisionTable) -> Floats:
    return np.asarray(_column(table, "energy", NETWORK).mean(axis=1))


def _network_error(material: Material, run: BaselineRun) -> Bools:
    return _over(material, _error(material.table), run.budget)


def _own_threshold(material: Material, run: BaselineRun) -> Bools:  # noqa: ARG001 - no budget: the threshold is the device's own
    """Threshold mean + 3 sd of the device's own enrolment. More than half of the last hour's four decisions above it exclude."""
    table = material.table
    error, limit = _error(table), np.full(len(table.name), np.inf)
    for stream in np.flatnonzero(table.case == CLEAN).tolist():
        patient = int(table.patient[stream])
        first = int(table.start[stream])
        known = error[first : first + int(table.enrolled[patient])][-DAY_DECISIONS:]
        limit[patient] = known.mean() + 3 * known.std()
    over = (error > limit[table.who]).astype(np.float64)
    three_of_four = np.stack([table.votes(over, 1), *(_ago(table, over, lag) for lag in (1, 2, 3))]).sum(axis=0) >= 3
    return np.asarray(three_of_four)


def _ago(table: DecisionTable, values: Floats, lag: int) -> Floats:
    """Return each stream's values so many decisions earlier, 0 before its first."""
    shifted = np.zeros(len(values))
    for start, stop in zip(table.start.tolist(), table.stop.tolist(), strict=True):
        if stop - start > lag:
            shifted[start + lag : stop] = values[start : stop - lag]
    return shifted


FLAGGED: Final[Mapping[str, Callable[[Material, BaselineRun], Bools]]] = {
    "level z-score": _level,
    "error of the Bi-LSTM alone": _network_error,
    "error of the Bi-LSTM, threshold of the device's own enrolment (as in the paper)": _own_threshold,
    "isolation forest": lambda material, run: _fitted(material, run, _forest(run.seed)),
    "ECOD": lambda material, run: _fitted(material, run, _ecod),
}
