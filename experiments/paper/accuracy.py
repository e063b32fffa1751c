"""How good a reconstruction is: the paper's accuracy, what a guess reaches on it, and figures that mean something at a bedside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.paper.inputs import MinMax, PaperWindows

HEART_RATE_TOLERANCE_BPM: Final = 5.0
RESP_RATE_TOLERANCE: Final = 2.0  # breaths/min
RELATIVE_TOLERANCE: Final = 0.1
VITALS: Final = 2


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares 0..1. `r2_*` at most 1. The two guesses answer with one feature always, and with each patient's median vital signs."""

    argmax: float
    argmax_by_guess: float
    tolerance: float
    tolerance_by_guess: float
    r2_heart_rate: float
    r2_resp_rate: float


def argmax_accuracy(actual: ArrayLike, rebuilt: ArrayLike) -> float:
    """Return the paper's accuracy: the share of minutes whose largest of the five outputs is the largest of the five inputs.

    Both are [..., 5]. It is what Keras' `metrics=["accuracy"]` means for outputs like these, and says nothing of their size.
    """
    return float(np.mean(np.argmax(actual, axis=-1) == np.argmax(rebuilt, axis=-1)))


def majority_guess(actual: ArrayLike) -> float:
    """Return the argmax accuracy of naming the same feature at every minute, the one that is most often the largest."""
    largest = np.argmax(actual, axis=-1)
    return float(np.bincount(largest.ravel()).max() / largest.size)


def tolerance_accuracy(actual: ArrayLike, rebuilt: ArrayLike) -> float:
    """Return the share of minutes with |HR error| <= max(5 bpm, 10 %) and |RR error| <= max(2 /min, 10 %), of the actual value.

    Both are [..., 2]: heart rate in bpm, respiratory rate in breaths/min. An error equal to the tolerance is within it.
    """
    truth = np.asarray(actual, np.float64)
    allowed = np.maximum([HEART_RATE_TOLERANCE_BPM, RESP_RATE_TOLERANCE], RELATIVE_TOLERANCE * np.abs(truth))
    return float((np.abs(np.asarray(rebuilt, np.float64) - truth) <= allowed).all(axis=-1).mean())


def r2_by_channel(actual: ArrayLike, rebuilt: ArrayLike) -> NDArray[np.float64]:
    """Return the coefficient of determination of each channel, float64[channels]. Both are [..., channels].

    NaN for a channel that never changes.
    """
    channels = np.shape(actual)[-1]
    truth = np.reshape(np.asarray(actual, np.float64), (-1, channels))
    left = np.square(np.reshape(np.asarray(rebuilt, np.float64), (-1, channels)) - truth).sum(axis=0)
    spread = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    return np.asarray(1.0 - np.divide(left, spread, out=np.full(channels, np.nan), where=spread > 0))


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
    patient = np.repeat(np.arange(len(windows)), [len(of_patient) for of_patient in windows])
    return Pool(np.concatenate([of_patient.values for of_patient in windows]), patient, scales)


def vital_signs(scaled: NDArray[np.float32], scale: MinMax) -> NDArray[np.float64]:
    """Return float64[..., 2] in bpm and breaths/min from scaled features [..., 5]."""
    return scaled[..., :VITALS].astype(np.float64) * scale.span[:VITALS] + scale.lowest[:VITALS]


def measured_accuracy(pool: Pool, rebuilt: NDArray[np.float32]) -> Accuracy:
    """Return the accuracy of a reconstruction. Tolerance and R2 are means over the patients that are in the pool."""
    rows = [_of_patient(pool, rebuilt, patient) for patient in np.unique(pool.patient).tolist()]
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
