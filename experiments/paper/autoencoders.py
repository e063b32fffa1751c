"""The paper's way, one autoencoder for patients it was trained on, and the honest one: each patient by one that has not seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.paper.accuracy import Pool, measured_accuracy, pooled, vital_signs
from experiments.paper.fit import FittedPerStep, Rebuild, Report, fit_per_step
from experiments.paper.inputs import (
    ATTACKS,
    DAY_MIN,
    MinMax,
    Rows,
    attacked_windows,
    clean_windows,
    is_clean,
    min_max,
    rows_of,
)
from experiments.paper.labels import paper_labels
from experiments.paper.patients import PaperPlan
from replay.recording import Recording

VALIDATION_SHARE: Final = 0.2
SHOWN_ATTACK: Final = ATTACKS[0]
DEVICE_SHOWN: Final = 1  # the paper's Dev2


@dataclass(frozen=True, slots=True, eq=False)
class KnownPatients:
    """`curves` float64[epochs, 5]: loss, validation loss, argmax accuracy, its validation, tolerance accuracy in validation.

    `accuracy` float64[6]: the fields of `Accuracy` on the validation windows. `rows`: every clean window of every patient,
    and the attacked ones of the last day. `label_error` float64[2, 5]: mean squared error by feature over the clean windows that
    the paper's labels call normal, and over those that they call anomalies. `example` float64[2, 2, 60, 2]: a clean and an attacked window of the second patient,
    actual and rebuilt, in bpm and breaths/min.
    """

    curves: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    rows: Rows
    label_error: NDArray[np.float64]
    example: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PatientLeftOut:
    """`accuracy` float64[6]: the fields of `Accuracy` on the patient left out. `rows`: clean and attacked windows of all."""

    accuracy: NDArray[np.float64]
    rows: Rows


def study_known_patients(recordings: Sequence[Recording], plan: PaperPlan, report: Report) -> KnownPatients:
    """Train on all patients, windows held out at random, and judge. Blocks for minutes."""
    scales = [min_max(recording) for recording in recordings]
    pool = _pool(recordings, scales, plan.trained_every_min)
    order = np.random.default_rng(plan.seed).permutation(len(pool))
    held_out = max(1, int(VALIDATION_SHARE * len(pool)))
    trained, validated = pool.part(order[held_out:]), pool.part(order[:held_out])
    tolerances: list[float] = []

    def check(rebuild: Rebuild) -> None:
        tolerances.append(measured_accuracy(validated, rebuild(validated.values)).tolerance)

    fitted = fit_per_step(
        trained.values, validated.values, plan.autoencoder_epochs, plan.seed, _first_part(report), check
    )
    names = ("loss", "val_loss", "accuracy", "val_accuracy")
    curves = np.column_stack([*(fitted.curves[name] for name in names), tolerances])
    accuracy = measured_accuracy(validated, fitted.rebuild(validated.values))
    judged = []
    for at, recording in enumerate(recordings):
        report(0.8 + 0.02 * at, f"judging {recording.device_id}")
        judged.append(_judged(fitted, at, recording, scales[at], plan.seed, 1, only_last_day=True))
    rows = np.concatenate([of_patient for of_patient, _ in judged])
    label_error = _by_label(rows, np.concatenate([errors for _, errors in judged]))
    example = _example(fitted, recordings[DEVICE_SHOWN], scales[DEVICE_SHOWN], plan.seed)
    return KnownPatients(curves, np.array(astuple(accuracy)), rows, label_error, example)


def study_patient_left_out(
    recordings: Sequence[Recording], left_out: int, plan: PaperPlan, report: Report
) -> PatientLeftOut:
    """Train on all patients but one and judge all. Blocks for minutes.

    The scale of the one left out comes from its whole clean recording, which is kinder to the method than practice.
    """
    scales = [min_max(recording) for recording in recordings]
    others = [at for at in range(len(recordings)) if at != left_out]
    trained = _pool([recordings[at] for at in others], [scales[at] for at in others], plan.trained_every_min)
    seed = plan.seed + 1 + left_out
    fitted = fit_per_step(trained.values, None, plan.autoencoder_epochs, seed, _first_part(report))
    new = _pool([recordings[left_out]], [scales[left_out]], plan.judged_every_min)
    accuracy = measured_accuracy(new, fitted.rebuild(new.values))
    rows = []
    for at, recording in enumerate(recordings):
        report(0.8 + 0.04 * at, f"judging {recording.device_id}")
        rows.append(_judged(fitted, at, recording, scales[at], plan.seed, plan.judged_every_min)[0])
    return PatientLeftOut(np.array(astuple(accuracy)), np.concatenate(rows))


def _pool(recordings: Sequence[Recording], scales: Sequence[MinMax], every_min: int) -> Pool:
    windows = [clean_windows(recording, scale, every_min) for recording, scale in zip(recordings, scales, strict=True)]
    return pooled(windows, scales)


def _judged(
    fitted: FittedPerStep,
    at: int,
    recording: Recording,
    scale: MinMax,
    seed: int,
    every_min: int,
    *,
    only_last_day: bool = False,
) -> tuple[Rows, NDArray[np.float64]]:
    """Return a patient's rows, clean and under each attack, and float64[k, 5], the errors by feature of the clean ones."""
    clean = clean_windows(recording, scale, every_min)
    by_feature = fitted.feature_errors(clean.values)
    parts = [rows_of(clean, by_feature.mean(axis=1), at, 0)]
    for case, attack in enumerate(ATTACKS, start=1):
        attacked = attacked_windows(recording, scale, attack, seed, every_min)
        if only_last_day:
            attacked = attacked.part(attacked.end_minute > attacked.end_minute.max() - DAY_MIN)
        parts.append(rows_of(attacked, fitted.errors(attacked.values), at, case))
    return np.concatenate(parts), by_feature


def _by_label(rows: Rows, by_feature: NDArray[np.float64]) -> NDArray[np.float64]:
    clean = rows[is_clean(rows)]
    label = paper_labels(clean["error"], clean["patient"])
    return np.stack([by_feature[chosen].sum(axis=0) / max(1, chosen.sum()) for chosen in (~label, label)])


def _example(fitted: FittedPerStep, recording: Recording, scale: MinMax, seed: int) -> NDArray[np.float64]:
    """The middle window after the onset, clean and attacked."""
    attacked = attacked_windows(recording, scale, SHOWN_ATTACK, seed, 1)
    clean = clean_windows(recording, scale, 1)
    at = len(attacked) // 2
    same = int(np.argmin(np.abs(clean.end_minute - attacked.end_minute[at])))
    actual = np.stack([clean.values[same], attacked.values[at]])
    return np.stack([vital_signs(actual, scale), vital_signs(fitted.rebuild(actual), scale)], axis=1)


def _first_part(report: Report) -> Report:
    return lambda share, text: report(0.8 * share, text)
