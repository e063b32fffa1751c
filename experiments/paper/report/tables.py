"""The tables of the report, as text: patients, reconstruction, Table I and its honest rows, attacks, thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from detectors.minutes.cleaning import usable_minutes
from experiments.paper.accuracy import Accuracy
from experiments.paper.devices import PAPER_THRESHOLDS, DeviceRun, excluded_devices
from experiments.paper.fit import PAPER_FEATURES
from experiments.paper.inputs import CASES
from experiments.paper.known_patients import DEVICE_SHOWN
from experiments.paper.labels import Decision
from experiments.paper.report.words import percent
from experiments.paper.results import PAPER_ARGMAX, PAPER_AUC, PAPER_TABLE, Evaluation, Results
from experiments.paper.study import Study
from experiments.report.numbers import with_interval
from experiments.report.tables import Table


def patient_table(study: Study) -> Table:
    """Return who the patients are."""
    rows = [
        (
            one.device_id,
            one.origin or "-",
            f"{one.minutes:,}",
            percent(1 - float(usable_minutes(one.heart_rate_bpm, one.resp_rate_bpm).mean())),
            one.grid_text,
        )
        for one in study.recordings
    ]
    return Table(("device", "origin", "minutes", "not valid", "grid (bpm)"), tuple(rows))


def reconstruction_table(results: Results) -> Table:
    """Return argmax accuracy, tolerance accuracy and R2, the paper's way and on patients left out."""
    known, new = results.accuracy, results.new_accuracy
    named: tuple[tuple[str, str, Callable[[Accuracy], float]], ...] = (
        ("argmax accuracy (the paper's)", percent(PAPER_ARGMAX), lambda one: one.argmax),
        ("the same, one answer always", "-", lambda one: one.argmax_by_guess),
        ("within tolerance", "-", lambda one: one.tolerance),
        ("the same, each patient's median", "-", lambda one: one.tolerance_by_guess),
    )
    rows = [(name, paper, percent(get(known)), percent(get(new))) for name, paper, get in named]
    rows += [
        ("R2, heart rate", "-", f"{known.r2_heart_rate:.3f}", f"{new.r2_heart_rate:.3f}"),
        ("R2, respiratory rate", "-", f"{known.r2_resp_rate:.3f}", f"{new.r2_resp_rate:.3f}"),
    ]
    return Table(("measure", "paper", "windows held out at random", "patients left out"), tuple(rows))


def table_one(study: Study) -> Table:
    """Return Table I, the paper's numbers and ours side by side."""
    head = (
        "fold",
        *(f"{name}, {whose}" for name in ("train acc.", "loss", "val. acc.", "loss") for whose in ("paper", "ours")),
    )
    rows = [
        (
            str(fold),
            *(f"{number:.4f}" for pair in zip(paper, ours, strict=True) for number in pair),
        )
        for fold, (paper, ours) in enumerate(zip(PAPER_TABLE, study.classifiers.table.tolist(), strict=True), start=1)
    ]
    return Table(head, tuple(rows))


def label_table(study: Study) -> Table:
    """Return the mean squared error of each feature in windows that the paper's labels call normal and anomalous."""
    rows = [
        (name, f"{1e4 * normal:.2f}", f"{1e4 * anomaly:.2f}", f"{anomaly / normal:.1f}")
        for name, normal, anomaly in zip(PAPER_FEATURES, *study.known.label_error.tolist(), strict=True)
    ]
    return Table(("mean squared error, in 1/10,000", "labelled normal", "labelled anomaly", "times"), tuple(rows))


def classifier_table(results: Results) -> Table:
    """Return the DNN judged four ways: means of the folds, lowest and highest fold in brackets."""
    names = [field.name for field in fields(Decision)]
    rows = [
        (one.name, *(_spread(one, name) for name in names), f"{one.error_auc:.3f}", f"{one.step_auc:.3f}")
        for one in results.evaluations
    ]
    head = (
        "judged how",
        *(name.upper() if len(name) < 4 else name for name in names),
        "AUC, error alone",
        "AUC, minute steps alone",
    )
    printed = f"{np.mean([row[2] for row in PAPER_TABLE]):.4f}"
    return Table(head, (("printed in the paper", printed, "-", "-", "-", f"{PAPER_AUC}", "-", "-"), *rows))


def attack_table(results: Results) -> Table:
    """Return the AUC by attack on patients left out."""
    rows = [
        (
            one.attack,
            with_interval(one.mean, one.lowest, one.highest, ".3f"),
            f"{one.error_mean:.3f}",
            f"{one.step_mean:.3f}",
        )
        for one in results.attacks
    ]
    head = (
        "strong attack", "AUC, DNN trained on attacks (lowest to highest patient)", "AUC, error alone",
        "AUC, minute steps alone",
    )  # fmt: skip
    return Table(head, tuple(rows))


def threshold_table(study: Study, results: Results) -> Table:
    """Return the runs: the second device's threshold and flagged windows, and how many devices are excluded."""
    devices = len(study.recordings)
    rows = []
    for case, name in enumerate(CASES):
        run = _of(results.paper_runs, case)
        rows.append(
            (
                f"{case + 1}: {name}",
                f"{PAPER_THRESHOLDS[case]:.3f}",
                f"{run.threshold:.3f}",
                f"{run.mean:.3f} / {run.sd:.3f} / {run.change:.3f}",
                percent(run.flagged),
                "yes" if run.excluded else "no",
                f"{excluded_devices(results.paper_runs, case)} of {devices}",
                f"{excluded_devices(results.honest_runs, case)} of {devices}",
            )
        )
    head = (
        "run", "T, paper", "T, ours", "mean / sd / |first - last|", "flagged", "excluded", "devices excluded, paper's rule",
        "devices excluded, patients left out",
    )  # fmt: skip
    return Table(head, tuple(rows))


def _of(runs: Sequence[DeviceRun], case: int) -> DeviceRun:
    return next(run for run in runs if (run.case, run.patient) == (case, DEVICE_SHOWN))


def _spread(one: Evaluation, name: str) -> str:
    by_fold = [value for fold in one.folds for value in [getattr(fold, name)] if not math.isnan(value)]
    if not by_fold:
        return "-"
    return with_interval(getattr(one.mean, name), min(by_fold), max(by_fold), ".3f")
