"""The two ways to split windows into training and test, and the measures of a two-class decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import KFold, LeaveOneGroupOut

FOLDS: Final = 5
DECISION: Final = 0.5

Indices = NDArray[np.int64]
Split = tuple[Indices, Indices]  # training, test


@dataclass(frozen=True, slots=True)
class Decision:
    """Shares 0..1 of a decision at score 0.5; `auc` NaN where only one class is there."""

    accuracy: float
    precision: float
    recall: float
    f1: float
    auc: float


def random_folds(count: int, seed: int) -> list[Split]:
    """Return five shuffled folds of `count` windows: the paper's way. Windows that overlap in 59 minutes land on both sides."""
    return list(KFold(FOLDS, shuffle=True, random_state=seed).split(np.zeros(count)))


def grouped_folds(patient: NDArray[np.int64]) -> list[Split]:
    """Return a fold a patient, in rising order: tested on that patient, trained on the others only."""
    return list(LeaveOneGroupOut().split(np.zeros(len(patient)), groups=patient))


def decide(label: NDArray[np.bool_], score: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> Decision:
    """Return the measures of `score` > 0.5 against `label`, windows weighted by `weight` (each 1 if None)."""
    guess = score > DECISION
    both = 0 < label.sum() < len(label)
    return Decision(
        float(accuracy_score(label, guess, sample_weight=weight)),
        float(precision_score(label, guess, sample_weight=weight, zero_division=0)),
        float(recall_score(label, guess, sample_weight=weight, zero_division=0)),
        float(f1_score(label, guess, sample_weight=weight, zero_division=0)),
        float(roc_auc_score(label, score, sample_weight=weight)) if both else float("nan"),
    )


def mean_decision(decisions: Sequence[Decision]) -> Decision:
    """Return the plain mean over folds; folds without an AUC are left out of its mean."""
    table = np.array([(one.accuracy, one.precision, one.recall, one.f1) for one in decisions])
    accuracy, precision, recall, f1 = table.mean(axis=0).tolist()
    known = [one.auc for one in decisions if not np.isnan(one.auc)]
    return Decision(accuracy, precision, recall, f1, float(np.mean(known)) if known else float("nan"))
