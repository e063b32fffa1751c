"""Everything that is fitted on reference patients and scores a single decision: standardisation, tails, DNNs."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Bools, Floats, Floats32, Ints
from detectors.baseline.own_past import OwnPast
from detectors.decisions.votes import AGREE
from detectors.scoring.classifier import NAMES, inputs
from detectors.scoring.components import SCORED, FittedScores, TailFeatures, components_of, tail_features_of
from detectors.scoring.tails import fast_columns, one_sided, slow_columns
from detectors.training.scores.classifier_fit import EPOCHS, LabelledRows, fit_classifier
from detectors.training.scores.references_fit import References, balanced, standardisation_of, tails_of
from detectors.training.scores.table import DISTORTED, DecisionTable

POSITIVE_FROM_MIN: Final = {"fast": 30, "slow": 180}
"""Attacked minutes up to the judged block's end; a younger attack is neither a positive nor a negative."""
DISTORTED_WEIGHT: Final = 0.15
DETERIORATING_WEIGHT: Final = 4.0


def fit_scores(
    table: DecisionTable, past: OwnPast, patients: Ints, learnt: frozenset[int], seed: int, epochs: int = EPOCHS
) -> FittedScores:
    """Fit on some patients of a table. `past` is `table.own_past(table.values)`, `learnt` the attacks that DNNs learn from."""
    inside = np.isin(table.who, patients) & table.judged
    clean = np.flatnonzero(inside & table.is_clean)
    population = table.population[table.who].astype(np.int64)
    standardisation = standardisation_of(
        References(
            table.values[clean], _rows(past, clean), table.who[clean].astype(np.int64), population[clean],
            table.decision[clean].astype(np.int64),
        )
    )  # fmt: skip
    r = standardisation.of(table.values[clean].astype(np.float64), _rows(past, clean))
    weight = balanced(np.ones(len(clean)), population[clean])
    tails = [tails_of(one_sided(r, columns), weight) for columns in (fast_columns(), slow_columns())]
    fitted = FittedScores(standardisation, tails[0], tails[1], {})
    taught = inside & (table.is_clean | _is_learnt(table, learnt))
    classifiers = {}
    rows = np.flatnonzero(taught & (table.is_clean | (table.since >= min(POSITIVE_FROM_MIN.values()))))
    read = inputs(*_tail_features(table, past, fitted, rows))
    for place, name in enumerate(NAMES):
        old = table.is_clean[rows] | (table.since[rows] >= POSITIVE_FROM_MIN[name])
        labelled = _labelled(table, rows[old], read[name][old])
        classifiers[name] = fit_classifier(labelled, 1000 * seed + place, epochs)
    return FittedScores(standardisation, tails[0], tails[1], classifiers)


def _is_learnt(table: DecisionTable, learnt: frozenset[int]) -> Bools:
    wanted = np.array(sorted(learnt | {DISTORTED}))
    return np.asarray(np.isin(table.case[table.stream], wanted))


def _labelled(table: DecisionTable, rows: Ints, read: Floats32) -> LabelledRows:
    """A population's attacked rows weigh as its clean ones, and every population the same."""
    attacked = ~table.is_clean[rows]
    population = table.population[table.who[rows]].astype(np.int64)
    weight = np.where(table.case[table.stream[rows]] == DISTORTED, DISTORTED_WEIGHT, 1.0)
    weight[~attacked & table.deteriorating[rows]] = DETERIORATING_WEIGHT
    for place in np.unique(population):
        own = population == place
        if (own & attacked).any():
            weight[own & attacked] *= weight[own & ~attacked].sum() / weight[own & attacked].sum()
    weight = balanced(weight, population)
    return LabelledRows(read, attacked.astype(np.float32), weight.astype(np.float32))


def raw_components(table: DecisionTable, past: OwnPast, fitted: FittedScores, rows: Ints) -> dict[str, Floats]:
    """Return by kind float64[N]: logits above the own past's mean and the family-free score. NaN outside `rows`.

    `rows` holds whole clean streams, and traces only together with their patient's clean stream.
    """
    logits, score = components_of(fitted.classifiers, _tail_features(table, past, fitted, rows))
    result = {}
    for kind, values in zip(SCORED, (*logits.T, score), strict=True):
        whole = np.full(len(table), np.nan)
        whole[rows] = values
        result[kind] = whole
    for kind in NAMES:
        result[kind] -= table.own_past(result[kind][:, None]).mean[:, 0]
    return result


def voted_components(table: DecisionTable, past: OwnPast, fitted: FittedScores, rows: Ints) -> dict[str, Floats]:
    """Return by kind float64[N] what the last four decisions agree on. NaN outside `rows`."""
    raw = raw_components(table, past, fitted, rows)
    return {kind: table.votes(values, AGREE[kind]) for kind, values in raw.items()}


def _tail_features(table: DecisionTable, past: OwnPast, fitted: FittedScores, rows: Ints) -> TailFeatures:
    return tail_features_of(fitted, table.values[rows].astype(np.float64), _rows(past, rows))


def _rows(past: OwnPast, rows: Ints) -> OwnPast:
    return OwnPast(past.mean[rows], past.sd[rows], past.decisions[rows])
