"""The reconstruction of windows of several patients, each in its own scale, measured in bpm and breaths a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.paper_accuracy import Accuracy, argmax_accuracy, majority_guess, r2_by_channel, tolerance_accuracy
from experiments.paper_inputs import MinMax, PaperWindows

VITALS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Windows of several patients: scaled float32[k, 60, 5], and whose each is, int64[k] (an index into `scales`)."""

    values: NDArray[np.float32]
    patient: NDArray[np.int64]
    scales: Sequence[MinMax]

    def __len__(self) -> int:
        return len(self.values)

    def part(self, chosen: NDArray[np.int64]) -> Pool:
        """Return the windows at these places."""
        return Pool(self.values[chosen], self.patient[chosen], self.scales)


def pooled(windows: Sequence[PaperWindows], scales: Sequence[MinMax]) -> Pool:
    """Return the windows of all patients together."""
    patient = np.repeat(np.arange(len(windows)), [len(one) for one in windows])
    return Pool(np.concatenate([one.values for one in windows]), patient, scales)


def vital_signs(scaled: NDArray[np.float32], scale: MinMax) -> NDArray[np.float64]:
    """Return float64[..., 2] in bpm and breaths/min from scaled features [..., 5]."""
    return scaled[..., :VITALS].astype(np.float64) * scale.span[:VITALS] + scale.lowest[:VITALS]


def measured_accuracy(pool: Pool, rebuilt: NDArray[np.float32]) -> Accuracy:
    """Return the accuracy of a reconstruction; tolerance and R2 are means over the patients that are in the pool."""
    rows = [_of_patient(pool, rebuilt, one) for one in np.unique(pool.patient).tolist()]
    tolerance, by_guess, r2_heart, r2_breath = np.nanmean(rows, axis=0).tolist()
    return Accuracy(
        argmax_accuracy(pool.values, rebuilt), majority_guess(pool.values), tolerance, by_guess, r2_heart, r2_breath
    )


def _of_patient(pool: Pool, rebuilt: NDArray[np.float32], patient: int) -> tuple[float, ...]:
    of_patient = pool.patient == patient
    scale = pool.scales[patient]
    actual = vital_signs(pool.values[of_patient], scale)
    said = vital_signs(rebuilt[of_patient], scale)
    median = np.broadcast_to(np.median(actual, axis=(0, 1)), actual.shape)
    r2 = r2_by_channel(actual, said)
    return tolerance_accuracy(actual, said), tolerance_accuracy(actual, median), float(r2[0]), float(r2[1])
