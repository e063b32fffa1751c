"""The tables of the report: patients, reconstruction, Table I and its honest rows, attacks, thresholds."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np

from detectors.minutes.cleaning import usable_minutes
from experiments.paper.fit import PAPER_FEATURES
from experiments.paper.inputs import CASES
from experiments.paper.labels import Decision
from experiments.paper.results import (
    PAPER_ARGMAX,
    PAPER_AUC,
    PAPER_TABLE,
    PAPER_THRESHOLDS,
    Evaluation,
    Results,
    device_run,
    excluded_devices,
)
from experiments.paper.study import Study
from experiments.report.numbers import percent, with_interval
from experiments.report.tables import Table, table_of


def patient_table(study: Study) -> Table:
    """Return who the patients are."""
    return table_of(
        {
            "device": patient.device_id,
            "origin": patient.origin or "-",
            "minutes": f"{patient.minutes:,}",
            "not valid": percent(1 - float(usable_minutes(patient.heart_rate_bpm, patient.resp_rate_bpm).mean())),
            "grid (bpm)": patient.grid_text,
        }
        for patient in study.recordings
    )


def reconstruction_table(results: Results) -> Table:
    """Return argmax accuracy, tolerance accuracy and R2, the paper's way and on patients left out."""
    named = (
        ("argmax accuracy (the paper's)", "argmax", percent(PAPER_ARGMAX)),
        ("the same, one answer always", "argmax_by_guess", "-"),
        ("within tolerance", "tolerance", "-"),
        ("the same, each patient's median", "tolerance_by_guess", "-"),
        ("R2, heart rate", "r2_heart_rate", "-"),
        ("R2, respiratory rate", "r2_resp_rate", "-"),
    )

    def cell(value: float, field: str) -> str:
        return f"{value:.3f}" if field.startswith("r2") else percent(value)

    return table_of(
        {
            "measure": name,
            "paper": paper,
            "windows held out at random": cell(getattr(results.accuracy, field), field),
            "patients left out": cell(getattr(results.new_accuracy, field), field),
        }
        for name, field, paper in named
    )


def table_one(study: Study) -> Table:
    """Return Table I, the paper's numbers and ours side by side."""
    titles = (f"{name}, {whose}" for name in ("train acc.", "loss", "val. acc.", "loss") for whose in ("paper", "ours"))
    pairs = zip(PAPER_TABLE, study.classifiers.table.tolist(), strict=True)
    rows = [
        (str(fold), *(f"{number:.4f}" for pair in zip(paper, ours, strict=True) for number in pair))
        for fold, (paper, ours) in enumerate(pairs, start=1)
    ]
    return Table(("fold", *titles), tuple(rows))  # two columns have one title


def label_table(study: Study) -> Table:
    """Return the mean squared error of each feature in windows that the paper's labels call normal and anomalous."""
    return table_of(
        {
            "mean squared error, in 1/10,000": name,
            "labelled normal": f"{1e4 * normal:.2f}",
            "labelled anomaly": f"{1e4 * anomaly:.2f}",
            "times": f"{anomaly / normal:.1f}",
        }
        for name, normal, anomaly in zip(PAPER_FEATURES, *study.known.label_error.tolist(), strict=True)
    )


def classifier_table(results: Results) -> Table:
    """Return the DNN judged four ways: means of the folds, lowest and highest fold in brackets."""
    names = [field.name for field in fields(Decision)]
    printed = dict.fromkeys(names, "-") | {"accuracy": f"{np.mean(PAPER_TABLE, axis=0)[2]:.4f}", "auc": f"{PAPER_AUC}"}
    alone = ("AUC, error alone", "AUC, minute steps alone")

    def row(name: str, measures: dict[str, str], error_auc: str, step_auc: str) -> dict[str, str]:
        titled = {measure.upper() if len(measure) < 4 else measure: cell for measure, cell in measures.items()}
        return {"judged how": name, **titled, **dict(zip(alone, (error_auc, step_auc), strict=True))}

    judged = [
        row(
            evaluation.name,
            {name: _spread(evaluation, name) for name in names},
            f"{evaluation.error_auc:.3f}",
            f"{evaluation.step_auc:.3f}",
        )
        for evaluation in results.evaluations
    ]
    return table_of([row("printed in the paper", printed, "-", "-"), *judged])


def attack_table(results: Results) -> Table:
    """Return the AUC by attack on patients left out."""
    return table_of(
        {
            "strong attack": attack.attack,
            "AUC, DNN trained on attacks (lowest to highest patient)": with_interval(
                attack.mean, attack.lowest, attack.highest, ".3f"
            ),
            "AUC, error alone": f"{attack.error_mean:.3f}",
            "AUC, minute steps alone": f"{attack.step_mean:.3f}",
        }
        for attack in results.attacks
    )


def threshold_table(study: Study, results: Results) -> Table:
    """Return the runs: the second device's threshold and flagged windows, and how many devices are excluded."""
    devices = len(study.recordings)
    return table_of(
        {
            "run": f"{case + 1}: {name}",
            "T, paper": f"{PAPER_THRESHOLDS[case]:.3f}",
            "T, ours": f"{run.threshold:.3f}",
            "mean / sd / |first - last|": f"{run.mean:.3f} / {run.sd:.3f} / {run.change:.3f}",
            "flagged": percent(run.flagged),
            "excluded": "yes" if run.excluded else "no",
            "devices excluded, paper's rule": f"{excluded_devices(results.paper_runs, case)} of {devices}",
            "devices excluded, patients left out": f"{excluded_devices(results.honest_runs, case)} of {devices}",
        }
        for case, name in enumerate(CASES)
        for run in [device_run(results.paper_runs, case)]
    )


def _spread(evaluation: Evaluation, name: str) -> str:
    by_fold = [value for fold in evaluation.folds if not math.isnan(value := getattr(fold, name))]
    if not by_fold:
        return "-"
    return with_interval(getattr(evaluation.mean, name), min(by_fold), max(by_fold), ".3f")
