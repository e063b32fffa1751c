"""A reproduction as data: one flat list of numbers, each beside the paper's where it prints one, as JSON and as CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from experiments.paper.accuracy import Accuracy
from experiments.paper.fit import PAPER_FEATURES
from experiments.paper.inputs import CASES, LEVEL
from experiments.paper.report.page import build_page
from experiments.paper.results import (
    PAPER_ARGMAX,
    PAPER_AUC,
    PAPER_TABLE,
    PAPER_THRESHOLDS,
    DeviceRun,
    Evaluation,
    Results,
)
from experiments.paper.study import Study
from experiments.report.numbers import json_bytes, short
from experiments.report.page import Section
from experiments.report.tables import csv_text

SCHEMA_VERSION: Final = 1
TABLE_COLUMNS: Final = ("training_accuracy", "training_loss", "validation_accuracy", "validation_loss")


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: of which table or figure, of what, and the paper's own where it prints one. Shares are 0..1."""

    exhibit: str
    subject: str
    measure: str
    value: float | None
    paper: float | None = None


def report_files(study: Study, results: Results, shown: list[Section], command: str) -> dict[str, str | bytes]:
    """Return every file of the reproduction by its name. `shown` are the page's exhibits."""
    return {
        "results.json": json_bytes(results_document(study, results, command)),
        "results.csv": csv_text([asdict(measure) for measure in measures(study, results)]),
        "report.html": build_page(study, shown, command),
    }


def results_document(study: Study, results: Results, command: str) -> dict[str, Any]:
    """Return what `results.json` holds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "plan": asdict(study.plan),
        "attack_level": LEVEL,
        "patients": [
            {
                "device_id": patient.device_id,
                "origin": patient.origin,
                "minutes": patient.minutes,
                "grid_bpm": patient.grid_text,
                "charted": patient.charted,
            }
            for patient in study.recordings
        ],
        "measures": [asdict(measure) for measure in measures(study, results)],
        "training_curves": {
            name: [short(value) for value in column]
            for name, column in zip(
                ("loss", "validation_loss", "argmax", "validation_argmax", "validation_tolerance"),
                study.known.curves.T.tolist(),
                strict=True,
            )
        },
    }


def measures(study: Study, results: Results) -> list[Measure]:
    """Return every number of the report, in its order."""
    return [
        *_of_accuracy("windows held out at random", results.accuracy, PAPER_ARGMAX),
        *_of_accuracy("patients left out", results.new_accuracy, None),
        *_of_table(study),
        *_of_labels(study, results),
        *(
            measure
            for evaluation in results.evaluations
            for measure in _of_evaluation(evaluation, evaluation is results.evaluations[0])
        ),
        *(
            Measure("attacks", attack.attack, name, short(getattr(attack, field)))
            for attack in results.attacks
            for name, field in (
                ("auc", "mean"),
                ("auc_lowest_patient", "lowest"),
                ("auc_highest_patient", "highest"),
                ("error_auc", "error_mean"),
                ("step_auc", "step_mean"),
            )
        ),
        *_of_runs("paper's rule", study, results.paper_runs),
        *_of_runs("patients left out", study, results.honest_runs),
    ]


def _of_accuracy(subject: str, accuracy: Accuracy, paper_argmax: float | None) -> Iterator[Measure]:
    for name, value in asdict(accuracy).items():
        yield Measure("reconstruction", subject, name, short(value), paper_argmax if name == "argmax" else None)


def _of_table(study: Study) -> Iterator[Measure]:
    for fold, (ours, paper) in enumerate(zip(study.classifiers.table.tolist(), PAPER_TABLE, strict=True), start=1):
        for name, value, printed in zip(TABLE_COLUMNS, ours, paper, strict=True):
            yield Measure("table_1", f"fold {fold}", name, short(value), printed)


def _of_labels(study: Study, results: Results) -> Iterator[Measure]:
    for name, share in zip(("share_of_labels", "share_of_windows"), results.labels_on_one_day, strict=True):
        yield Measure("labels", "each patient's day with most of them", name, short(share))
    for label, errors in zip(("normal", "anomaly"), study.known.label_error.tolist(), strict=True):
        for name, error in zip(PAPER_FEATURES, errors, strict=True):
            yield Measure("labels", f"labelled {label}", f"squared error of {name}", short(error))


def _of_evaluation(evaluation: Evaluation, as_in_paper: bool) -> Iterator[Measure]:
    for name, value in asdict(evaluation.mean).items():
        by_fold = [getattr(fold, name) for fold in evaluation.folds if not math.isnan(getattr(fold, name))]
        yield Measure(
            "classifier", evaluation.name, name, short(value), PAPER_AUC if as_in_paper and name == "auc" else None
        )
        yield Measure("classifier", evaluation.name, f"{name}_lowest_fold", short(min(by_fold, default=math.nan)))
        yield Measure("classifier", evaluation.name, f"{name}_highest_fold", short(max(by_fold, default=math.nan)))
    yield Measure("classifier", evaluation.name, "error_auc", short(evaluation.error_auc))
    yield Measure("classifier", evaluation.name, "step_auc", short(evaluation.step_auc))
    names = ("true_negative", "false_positive", "false_negative", "true_positive")
    for name, count in zip(names, evaluation.scored.confusion().ravel().tolist(), strict=True):
        yield Measure("classifier", evaluation.name, f"{name}_windows", count)


def _of_runs(subject: str, study: Study, runs: Sequence[DeviceRun]) -> Iterator[Measure]:
    for run in runs:
        of_paper = PAPER_THRESHOLDS[run.case] if subject == "paper's rule" and run.patient == 1 else None
        what = f"run {run.case + 1} {CASES[run.case]}, {study.recordings[run.patient].device_id}, {subject}"
        yield Measure("devices", what, "threshold", short(run.threshold), of_paper)
        for name in ("mean", "sd", "change", "flagged"):
            yield Measure("devices", what, name, short(getattr(run, name)))
        yield Measure("devices", what, "excluded", float(run.excluded))
