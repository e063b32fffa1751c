"""The DNN four times: on the paper's labels with random folds and with patients held out, and on the injected truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.paper.autoencoders import KnownPatients, PatientLeftOut
from experiments.paper.fit import FittedClassifier, Report, cross_entropy, fit_error_classifier
from experiments.paper.inputs import Rows, balanced_weights, in_trial, is_clean
from experiments.paper.labels import DECISION, FOLDS, grouped_folds, paper_labels, random_folds, standardised
from experiments.paper.patients import PaperPlan

CLEAN_QUANTILE: Final = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierScores:
    """Scores 0..1 of every DNN, each of windows it was not trained on, `device_score` excepted.

    The paper trains its DNN "on reconstruction errors of individual client data": its own way is a DNN a patient here.

    `table` float64[5, 4]: Table I, by fold: training accuracy and loss, validation accuracy and loss. `fold` int64 and
    `fold_score` float64 belong to the clean rows of `KnownPatients`, `device_score` to all of its rows. `grouped_score` (trained on the
    paper's labels of other patients) and `truth_score` (on attacks on other patients) belong to `left_out_rows`.
    `truth_threshold` float64[patients] is the 99 % quantile of `truth_score` over those others' clean windows.
    """

    table: NDArray[np.float64]
    fold: NDArray[np.int64]
    fold_score: NDArray[np.float64]
    device_score: NDArray[np.float64]
    grouped_score: NDArray[np.float64]
    truth_score: NDArray[np.float64]
    truth_threshold: NDArray[np.float64]


def left_out_rows(left_out: Sequence[PatientLeftOut]) -> Rows:
    """Return every patient's rows as judged without it, patient after patient."""
    return np.concatenate([fold.rows[fold.rows["patient"] == at] for at, fold in enumerate(left_out)])


def study_classifiers(
    known: KnownPatients, left_out: Sequence[PatientLeftOut], plan: PaperPlan, report: Report
) -> ClassifierScores:
    """Train eight DNNs a patient. Blocks for minutes."""
    table, fold, fold_score = _random_folds(known.rows[is_clean(known.rows)], plan, report)
    device_score = _own_scores(known.rows, plan)
    grouped, truth, thresholds = [], [], []
    for at, without in enumerate(left_out):
        report(0.6 + 0.4 * at / len(left_out), f"without patient {at + 1}")
        scores = _without(without.rows, at, plan)
        grouped.append(scores[0])
        truth.append(scores[1])
        thresholds.append(scores[2])
    return ClassifierScores(
        table, fold, fold_score, device_score, np.concatenate(grouped), np.concatenate(truth), np.array(thresholds)
    )


def _random_folds(
    clean: Rows, plan: PaperPlan, report: Report
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Five folds of each patient's windows. The table is the mean over patients."""
    patients = np.unique(clean["patient"]).tolist()
    table = np.zeros((FOLDS, 4))
    fold, score = np.empty(len(clean), np.int64), np.empty(len(clean))
    for patient in patients:
        report(0.5 * patient / len(patients), f"folds of patient {patient + 1}")
        own = np.flatnonzero(clean["patient"] == patient)
        error, label = _error_and_label(clean[own])
        for at, (trained, tested) in enumerate(random_folds(len(own), plan.seed)):
            fitted = _fit(error[trained], label[trained], plan, plan.seed + 100 + FOLDS * patient + at)
            fold[own[tested]], score[own[tested]] = at, fitted.score(error[tested])
            right = np.mean((score[own[tested]] > DECISION) == label[tested])
            loss = cross_entropy(label[tested], score[own[tested]])
            table[at] += np.array([fitted.accuracy, fitted.loss, right, loss]) / len(patients)
    return table, fold, score


def _own_scores(rows: Rows, plan: PaperPlan) -> NDArray[np.float64]:
    """Every row by its patient's DNN, trained on all of the patient's clean windows."""
    error = standardised(rows["error"], rows["patient"], is_clean(rows))
    score = np.empty(len(rows))
    for patient in np.unique(rows["patient"]).tolist():
        own = rows["patient"] == patient
        fitted = _fit(*_error_and_label(rows[own & is_clean(rows)]), plan, plan.seed + 50 + patient)
        score[own] = fitted.score(error[own])
    return score


def _error_and_label(clean: Rows) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    error = standardised(clean["error"], clean["patient"], is_clean(clean))
    return error, paper_labels(clean["error"], clean["patient"])


def _without(rows: Rows, left_out: int, plan: PaperPlan) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Scores of the patient left out by the paper's labels and by the truth, and the truth's threshold from the others."""
    error = standardised(rows["error"], rows["patient"], is_clean(rows))
    others, new = grouped_folds(rows["patient"])[left_out]
    clean = others[is_clean(rows[others])]
    by_paper = _fit(*_error_and_label(rows[clean]), plan, plan.seed + 60 + left_out)
    attacked = others[in_trial(rows[others])]
    by_truth = fit_error_classifier(
        error[attacked],
        rows["poisoned"][attacked],
        balanced_weights(rows[attacked]),
        plan.classifier_epochs,
        plan.seed + 80 + left_out,
    )
    threshold = float(np.quantile(by_truth.score(error[clean]), CLEAN_QUANTILE))
    return by_paper.score(error[new]), by_truth.score(error[new]), threshold


def _fit(error: NDArray[np.float32], label: NDArray[np.bool_], plan: PaperPlan, seed: int) -> FittedClassifier:
    return fit_error_classifier(error, label, np.ones(len(error)), plan.classifier_epochs, seed)
