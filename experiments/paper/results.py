"""Every number of the reproduction, made from its stages: reconstruction, Table I and what stands beside it, devices in Runs 1 to 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score

from detectors.decisions.paper_fig3_rule import flagged_share, is_excluded, paper_threshold
from experiments.paper.accuracy import Accuracy
from experiments.paper.autoencoders import DEVICE_SHOWN
from experiments.paper.classifiers import left_out_rows
from experiments.paper.inputs import ATTACKS, CASES, Rows, balanced_weights, in_trial, is_clean, last_day
from experiments.paper.labels import DECISION, Decision, decide, mean_decision, paper_labels, share_on_one_day
from experiments.paper.study import Study

PAPER_THRESHOLDS: Final = (0.990, 0.800, 0.950, 0.900, 0.900)  # Fig. 11, by run


@dataclass(frozen=True, slots=True)
class DeviceRun:
    """One device (index of its patient) in one run (index into CASES) over its last 24 hours. Shares 0..1."""

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


EVALUATIONS: Final = (
    "the paper's labels, random folds",
    "the paper's labels, patients left out",
    "trained on the paper's labels, judged on attacks",
    "trained and judged on attacks",
)

# What the paper prints; shares 0..1.
PAPER_ARGMAX: Final = 0.954  # Sec. VII-B, validation
PAPER_TABLE: Final = (  # Table I
    (0.9953, 0.0118, 0.9998, 0.0065),
    (0.9972, 0.0070, 0.9996, 0.0013),
    (0.9969, 0.0088, 0.9993, 0.0034),
    (0.9982, 0.0061, 0.9993, 0.0038),
    (0.9971, 0.0067, 0.9996, 0.0018),
)
PAPER_AUC: Final = 0.99  # Fig. 9 (b)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Windows with a label, a score 0..1, the fold that they were held out in, and their weight. Arrays of length n."""

    rows: Rows
    label: NDArray[np.bool_]
    score: NDArray[np.float64]
    fold: NDArray[np.int64]
    weight: NDArray[np.float64]

    def part(self, chosen: NDArray[np.bool_]) -> Scored:
        """Return the windows where `chosen` is true."""
        return Scored(self.rows[chosen], self.label[chosen], self.score[chosen], self.fold[chosen], self.weight[chosen])

    def auc_of(self, values: NDArray[np.float64]) -> float:
        """Return the AUC of ranking the windows by other values. NaN where only one class is there."""
        if not 0 < self.label.sum() < len(self.label):
            return float("nan")
        return float(roc_auc_score(self.label, values, sample_weight=self.weight))

    def decision(self) -> Decision:
        """Return the measures over all of these windows."""
        return decide(self.label, self.score, self.weight)

    def confusion(self) -> NDArray[np.float64]:
        """Return float64[2, 2]: weight of the windows by label (row) and by score > 0.5 (column)."""
        counted = confusion_matrix(self.label, self.score > DECISION, labels=[False, True], sample_weight=self.weight)
        return np.asarray(counted, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One way to judge the DNN: measures by fold and their mean.

    Beside it the AUC (mean of folds) of the reconstruction error alone, and of the steps from minute to minute (no network).
    """

    name: str
    scored: Scored
    folds: tuple[Decision, ...]
    mean: Decision
    error_auc: float
    step_auc: float


@dataclass(frozen=True, slots=True)
class AttackAuc:
    """AUC of clean against attacked windows of patients left out: mean, lowest and highest patient. Of error and steps alone."""

    attack: str
    mean: float
    lowest: float
    highest: float
    error_mean: float
    step_mean: float


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """All of it. `accuracy` of random windows, `new_accuracy` the mean of patients left out. `evaluations` as in EVALUATIONS.

    `labels_on_one_day`: see `share_on_one_day`, of the paper's labels of known patients.
    """

    accuracy: Accuracy
    new_accuracy: Accuracy
    evaluations: tuple[Evaluation, ...]
    labels_on_one_day: tuple[float, float]
    attacks: tuple[AttackAuc, ...]
    paper_runs: tuple[DeviceRun, ...]
    honest_runs: tuple[DeviceRun, ...]


def results_of(study: Study) -> Results:
    """Return the results. Takes a second."""
    scored = (_by_random_folds(study), _by_patients(study), *_on_attacks(study))
    new = np.nanmean([fold.accuracy for fold in study.left_out], axis=0)
    return Results(
        Accuracy(*study.known.accuracy.tolist()),
        Accuracy(*new.tolist()),
        tuple(_evaluation(name, judged) for name, judged in zip(EVALUATIONS, scored, strict=True)),
        share_on_one_day(scored[0].label, scored[0].rows["patient"], scored[0].rows["end_minute"]),
        tuple(_attack_auc(scored[-1], case) for case in range(1, len(ATTACKS) + 1)),
        tuple(paper_runs(study)),
        tuple(honest_runs(study)),
    )


def _by_random_folds(study: Study) -> Scored:
    rows = study.known.rows[is_clean(study.known.rows)]
    return _by_paper_labels(rows, study.classifiers.fold_score, study.classifiers.fold)


def _by_patients(study: Study) -> Scored:
    rows = left_out_rows(study.left_out)
    clean = is_clean(rows)
    return _by_paper_labels(rows[clean], study.classifiers.grouped_score[clean], rows["patient"][clean])


def _by_paper_labels(rows: Rows, score: NDArray[np.float64], fold: NDArray[np.int64]) -> Scored:
    return Scored(rows, paper_labels(rows["error"], rows["patient"]), score, fold, np.ones(len(rows)))


def _on_attacks(study: Study) -> tuple[Scored, Scored]:
    rows = left_out_rows(study.left_out)
    by_paper, by_truth = (
        Scored(rows, rows["poisoned"], score, rows["patient"], balanced_weights(rows)).part(in_trial(rows))
        for score in (study.classifiers.grouped_score, study.classifiers.truth_score)
    )
    return by_paper, by_truth


def _evaluation(name: str, scored: Scored) -> Evaluation:
    parts = [scored.part(scored.fold == fold) for fold in np.unique(scored.fold)]
    folds = tuple(part.decision() for part in parts)
    alone = [_mean([part.auc_of(part.rows[field]) for part in parts]) for field in ("error", "step")]
    return Evaluation(name, scored, folds, mean_decision(folds), *alone)


def _attack_auc(on_attacks: Scored, case: int) -> AttackAuc:
    parts = attack_parts(on_attacks, case)
    by_patient = [part.auc_of(part.score) for part in parts]
    alone = [_mean([part.auc_of(part.rows[field]) for part in parts]) for field in ("error", "step")]
    lowest, highest = float(np.min(by_patient)), float(np.max(by_patient))
    return AttackAuc(ATTACKS[case - 1], _mean(by_patient), lowest, highest, *alone)


def attack_parts(on_attacks: Scored, case: int) -> list[Scored]:
    """Return each patient's clean windows together with those of one attack (index into CASES)."""
    chosen = is_clean(on_attacks.rows) | (on_attacks.rows["case"] == case)
    return [on_attacks.part(chosen & (on_attacks.fold == patient)) for patient in np.unique(on_attacks.fold)]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
