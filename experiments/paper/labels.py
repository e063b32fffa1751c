"""The paper's labels (Sec. VII-A), the two ways to split windows into training and test, and measures of a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import KFold, LeaveOneGroupOut

DAY_MIN: Final = 1440
SDS: Final = 2.0
PERCENTILE: Final = 95.0


def label_threshold(errors: NDArray[np.float64]) -> float:
    """Return max(mean + 2 sd, 95th percentile) of one patient's errors. Our reading, as the paper gives no numbers."""
    return float(max(errors.mean() + SDS * errors.std(), np.percentile(errors, PERCENTILE)))


def paper_labels(errors: NDArray[np.float64], patient: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool[n]: whether each window's error lies above its patient's threshold. No attack takes part in this."""
    labels = np.zeros(len(errors), np.bool_)
    for who in np.unique(patient):
        of_one = patient == who
        labels[of_one] = errors[of_one] > label_threshold(errors[of_one])
    return labels


def share_on_one_day(
    labels: NDArray[np.bool_], patient: NDArray[np.int64], end_minute: NDArray[np.int64]
) -> tuple[float, float]:
    """Return what share of all labelled windows, and of all windows, lies on each patient's calendar day with most labels.

    Far apart, the labels mark a day rather than rare windows. Both are 0 where nothing is labelled.
    """
    labelled = on_day = 0
    for who in np.unique(patient):
        day = end_minute[patient == who] // DAY_MIN
        counts = np.bincount(day[labels[patient == who]] - day.min(), minlength=1)
        labelled += int(counts.max())
        on_day += int(np.sum(day - day.min() == counts.argmax()))
    if not labelled:
        return 0.0, 0.0
    return labelled / int(labels.sum()), on_day / len(labels)


def standardised(
    errors: NDArray[np.float64], patient: NDArray[np.int64], clean: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return float32[n]: each error as standard deviations above the mean of its patient's clean windows.

    The DNN reads this, not the raw error: the labels' thresholds differ by patient, and the paper treats each separately.
    Patients without clean windows raise ValueError.
    """
    scores = np.empty(len(errors), np.float32)
    for who in np.unique(patient):
        usual = errors[(patient == who) & clean]
        if not len(usual):
            raise ValueError(f"patient {who} has no clean window to compare with")
        scores[patient == who] = (errors[patient == who] - usual.mean()) / (usual.std() + 1e-12)
    return scores


FOLDS: Final = 5
DECISION: Final = 0.5

Indices = NDArray[np.int64]
Split = tuple[Indices, Indices]  # training, test


@dataclass(frozen=True, slots=True)
class Decision:
    """Shares 0..1 of a decision at score 0.5. `auc` NaN where only one class is there."""

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
    """Return the plain mean over folds. Folds without an AUC are left out of its mean."""
    table = np.array([(decision.accuracy, decision.precision, decision.recall, decision.f1) for decision in decisions])
    accuracy, precision, recall, f1 = table.mean(axis=0).tolist()
    known = [decision.auc for decision in decisions if not np.isnan(decision.auc)]
    return Decision(accuracy, precision, recall, f1, float(np.mean(known)) if known else float("nan"))
