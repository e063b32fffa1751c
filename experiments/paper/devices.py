"""The paper's runs 1 to 5 (Table II, Fig. 11): each device's threshold, its flagged windows, and whether it is excluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.decisions.paper_threshold import flagged_share, is_excluded, paper_threshold
from experiments.paper.classifiers import left_out_rows
from experiments.paper.inputs import CASES
from experiments.paper.known_patients import DEVICE_SHOWN
from experiments.paper.rows import last_day
from experiments.paper.study import Study

PAPER_THRESHOLDS: Final = (0.990, 0.800, 0.950, 0.900, 0.900)  # Fig. 11, by run


@dataclass(frozen=True, slots=True)
class DeviceRun:
    """One device (index of its patient) in one run (index into CASES) over its last 24 hours; shares 0..1."""

    case: int
    patient: int
    threshold: float
    mean: float
    sd: float
    change: float
    flagged: float

    @property
    def excluded(self) -> bool:
        return is_excluded(self.flagged)


def paper_runs(study: Study) -> list[DeviceRun]:
    """Return every device in every run as the paper judges it: known patients, its labels, its adaptive threshold."""
    return [
        _run(case, patient, scores, paper_threshold(scores))
        for case, patient in _all(study)
        for scores in [study.classifiers.device_score[last_day(study.known.rows, patient, case)]]
    ]


def honest_runs(study: Study) -> list[DeviceRun]:
    """Return the same for patients whom neither network has seen, by a DNN that was trained on attacks on the others.

    The threshold was fixed on the others' clean windows: 1 % of them lie above it.
    """
    rows = left_out_rows(study.left_out)
    return [
        _run(case, patient, study.classifiers.truth_score[last_day(rows, patient, case)], threshold)
        for case, patient in _all(study)
        for threshold in [float(study.classifiers.truth_threshold[patient])]
    ]


def device_run(runs: Sequence[DeviceRun], case: int, patient: int = DEVICE_SHOWN) -> DeviceRun:
    """Return a device's run: of the one that figures and tables show, unless another is named."""
    return next(run for run in runs if (run.case, run.patient) == (case, patient))


def excluded_devices(runs: Sequence[DeviceRun], case: int) -> int:
    """Return how many devices are excluded in a run."""
    return sum(run.excluded for run in runs if run.case == case)


def _all(study: Study) -> list[tuple[int, int]]:
    return [(case, patient) for case in range(len(CASES)) for patient in range(len(study.recordings))]


def _run(case: int, patient: int, scores: NDArray[np.float64], threshold: float) -> DeviceRun:
    change = abs(float(scores[0] - scores[-1]))
    return DeviceRun(
        case, patient, threshold, float(scores.mean()), float(scores.std()), change, flagged_share(scores, threshold)
    )
