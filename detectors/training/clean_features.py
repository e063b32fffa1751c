"""Features of clean stays: what devices look like while they enrol and afterwards, before anything is standardised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.featurise import all_features
from detectors.knowledge import ENROLMENTS_MIN
from detectors.measure import Measure
from detectors.profiles import enrolment_features
from detectors.scoring.runtime import Reconstructor
from detectors.training.cohort import Stay
from detectors.training.series import enrolment_rows, first_rows, rows_of
from detectors.windows import decision_ends, windows_at

Floats = NDArray[np.float32]

LOOKS_BACK_MIN: Final = 360


@dataclass(frozen=True, slots=True)
class CleanFeatures:
    """One device and one enrolment: `enrolment` float32[m, 184] and `later` float32[k, 184] raw features of its decisions.

    `block` int64[k] (event minute // 5) and `ill` bool[k] (the patient deteriorated within the last six hours) belong to `later`.
    """

    measure: Measure
    enrolment: Floats
    later: Floats
    block: NDArray[np.int64]
    ill: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CleanTask:
    """A stay, what measures a device without enough of an enrolment, and how many decisions to take: every `stride`-th."""

    stay: Stay
    population: Measure
    stride: int
    enrolments_min: tuple[int, ...] = ENROLMENTS_MIN


def clean_features(reconstructor: Reconstructor, task: CleanTask) -> dict[int, CleanFeatures]:
    """Return the features by enrolment length; under 0 those of the longest enrolment itself, as the population measures it."""
    rows = rows_of(task.stay.recording)
    found = {}
    for length in task.enrolments_min:
        end = enrolment_rows(rows, length)
        measure, enrolment = enrolment_features(first_rows(rows, end), reconstructor, task.population)
        ends = decision_ends(rows, end)[:: task.stride]
        minute = rows.event_minute[ends]
        later = all_features(reconstructor, windows_at(rows, ends), [measure])
        found[length] = CleanFeatures(measure, enrolment, later, minute // 5, ill_at(task.stay, minute))
    found[0] = _enrolling(reconstructor, task)
    return found


def _enrolling(reconstructor: Reconstructor, task: CleanTask) -> CleanFeatures:
    """The longest enrolment as the population measures it."""
    rows = rows_of(task.stay.recording)
    ends = decision_ends(rows, 0, enrolment_rows(rows, max(task.enrolments_min)))[:: task.stride]
    minute = rows.event_minute[ends]
    features = all_features(reconstructor, windows_at(rows, ends), [task.population])
    return CleanFeatures(task.population, features[:0], features, minute // 5, ill_at(task.stay, minute))


def ill_at(stay: Stay, event_minute: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool[k]: the patient deteriorated within the six hours before."""
    so_far = np.concatenate([[0], np.cumsum(stay.deteriorating)])
    at = event_minute - stay.recording.first_event_minute
    ill: NDArray[np.bool_] = so_far[at + 1] > so_far[np.maximum(at + 1 - LOOKS_BACK_MIN, 0)]
    return ill
