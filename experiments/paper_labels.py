"""The paper's labels: a window is an anomaly when its own reconstruction error is large for its patient (Sec. VII-A)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY_MIN: Final = 1440
SDS: Final = 2.0
PERCENTILE: Final = 95.0


def label_threshold(errors: NDArray[np.float64]) -> float:
    """Return max(mean + 2 sd, 95th percentile) of one patient's errors; our reading, as the paper gives no numbers."""
    return float(max(errors.mean() + SDS * errors.std(), np.percentile(errors, PERCENTILE)))


def paper_labels(errors: NDArray[np.float64], patient: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool[n]: whether each window's error lies above its patient's threshold. No attack takes part in this."""
    labels = np.zeros(len(errors), np.bool_)
    for one in np.unique(patient):
        of_one = patient == one
        labels[of_one] = errors[of_one] > label_threshold(errors[of_one])
    return labels


def share_on_one_day(
    labels: NDArray[np.bool_], patient: NDArray[np.int64], end_minute: NDArray[np.int64]
) -> tuple[float, float]:
    """Return what share of all labelled windows, and of all windows, lies on each patient's calendar day with most labels.

    Far apart, the labels mark a day rather than rare windows. Both are 0 where nothing is labelled.
    """
    labelled = on_day = 0
    for one in np.unique(patient):
        day = end_minute[patient == one] // DAY_MIN
        counts = np.bincount(day[labels[patient == one]] - day.min(), minlength=1)
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
    for one in np.unique(patient):
        usual = errors[(patient == one) & clean]
        if not len(usual):
            raise ValueError(f"patient {one} has no clean window to compare with")
        scores[patient == one] = (errors[patient == one] - usual.mean()) / (usual.std() + 1e-12)
    return scores
