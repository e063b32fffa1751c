"""One row a judged window: whose it is, what was done to it, how badly it was reconstructed, and how rough it is without any network."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from experiments.paper.inputs import ATTACKS, DAY_MIN, PaperWindows

# `case` is an index into CASES: 0 is the clean recording. `step` is the mean squared change of the two scaled vital signs from
# one minute to the next: a yardstick that takes one line.
ROW: Final = np.dtype(
    [("error", "f8"), ("step", "f8"), ("patient", "i8"), ("case", "i8"), ("end_minute", "i8"), ("poisoned", "?")]
)
Rows = NDArray[Any]  # of dtype ROW


def rows_of(windows: PaperWindows, errors: NDArray[np.float64], patient: int, case: int) -> Rows:
    """Return the rows of one patient's windows."""
    rows = np.zeros(len(windows), ROW)
    rows["error"], rows["patient"], rows["case"] = errors, patient, case
    rows["step"] = np.square(np.diff(windows.values[..., :2].astype(np.float64), axis=1)).mean(axis=(1, 2))
    rows["end_minute"], rows["poisoned"] = windows.end_minute, windows.poisoned
    return rows


def is_clean(rows: Rows) -> NDArray[np.bool_]:
    """Return bool[n]: whether a row comes from a recording without an attack."""
    return np.asarray(rows["case"] == 0)


def in_trial(rows: Rows) -> NDArray[np.bool_]:
    """Return bool[n]: attacked windows, and clean ones of the same hours. A patient without attacked ones has none."""
    chosen = ~is_clean(rows)
    for patient in np.unique(rows["patient"][chosen]):
        of_patient = rows["patient"] == patient
        onset = rows["end_minute"][of_patient & (rows["case"] > 0)].min()
        chosen = chosen | (of_patient & (rows["end_minute"] >= onset))
    return chosen


def balanced_weights(rows: Rows) -> NDArray[np.float64]:
    """Return float64[n]: a clean window counts once for each attack on the same hours, so that guessing is right half of the time."""
    return np.where(is_clean(rows), float(len(ATTACKS)), 1.0)


def last_day(rows: Rows, patient: int, case: int) -> NDArray[np.bool_]:
    """Return bool[n]: the patient's rows of a case within the last 24 hours of its recording."""
    of_patient = rows["patient"] == patient
    end = rows["end_minute"][of_patient].max()
    return np.asarray(of_patient & (rows["case"] == case) & (rows["end_minute"] > end - DAY_MIN))
