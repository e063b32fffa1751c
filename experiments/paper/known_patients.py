"""The paper's way: one autoencoder trained on the patients it is then used on, windows held out at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.paper.accuracy import Pool, measured_accuracy, pooled, vital_signs
from experiments.paper.fit import FittedPerStep, Rebuild, Report, fit_per_step
from experiments.paper.inputs import ATTACKS, DAY_MIN, MinMax, PaperWindows, attacked_windows, clean_windows, min_max
from experiments.paper.labels import paper_labels
from experiments.paper.patients import PaperPlan
from experiments.paper.rows import Rows, is_clean, rows_of
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


def study_known_patients(recordings: Sequence[Recording], plan: PaperPlan, report: Report) -> KnownPatients:
    """Train and judge; blocks for minutes."""
    scales = [min_max(one) for one in recordings]
    pool = pooled(
        [clean_windows(one, scale, plan.trained_every_min) for one, scale in zip(recordings, scales, strict=True)],
        scales,
    )
    trained, validated = _split(pool, plan.seed)
    tolerances: list[float] = []

    def check(rebuild: Rebuild) -> None:
        tolerances.append(measured_accuracy(validated, rebuild(validated.values)).tolerance)

    fitted = fit_per_step(
        trained.values, validated.values, plan.autoencoder_epochs, plan.seed, _first_part(report), check
    )
    names = ("loss", "val_loss", "accuracy", "val_accuracy")
    curves = np.column_stack([*(fitted.curves[name] for name in names), tolerances])
    accuracy = measured_accuracy(validated, fitted.rebuild(validated.values))
    judged = [_rows(fitted, at, one, scales[at], plan, report) for at, one in enumerate(recordings)]
    rows = np.concatenate([one for one, _ in judged])
    label_error = _by_label(rows, np.concatenate([errors for _, errors in judged]))
    example = _example(fitted, recordings[DEVICE_SHOWN], scales[DEVICE_SHOWN], plan.seed)
    return KnownPatients(curves, np.array(astuple(accuracy)), rows, label_error, example)


def _split(pool: Pool, seed: int) -> tuple[Pool, Pool]:
    order = np.random.default_rng(seed).permutation(len(pool))
    held_out = max(1, int(VALIDATION_SHARE * len(pool)))
    return pool.part(order[held_out:]), pool.part(order[:held_out])


def _rows(
    fitted: FittedPerStep, at: int, recording: Recording, scale: MinMax, plan: PaperPlan, report: Report
) -> tuple[Rows, NDArray[np.float64]]:
    """All rows of a patient, and the errors by feature of the clean ones."""
    report(0.8 + 0.02 * at, f"judging {recording.device_id}")
    clean = clean_windows(recording, scale, 1)
    by_feature = fitted.feature_errors(clean.values)
    parts = [rows_of(clean, by_feature.mean(axis=1), at, 0)]
    for case, attack in enumerate(ATTACKS, start=1):
        attacked = _last_day(attacked_windows(recording, scale, attack, plan.seed, 1))
        parts.append(rows_of(attacked, fitted.errors(attacked.values), at, case))
    return np.concatenate(parts), by_feature


def _by_label(rows: Rows, by_feature: NDArray[np.float64]) -> NDArray[np.float64]:
    clean = rows[is_clean(rows)]
    label = paper_labels(clean["error"], clean["patient"])
    return np.stack([by_feature[chosen].sum(axis=0) / max(1, chosen.sum()) for chosen in (~label, label)])


def _last_day(windows: PaperWindows) -> PaperWindows:
    late = windows.end_minute > windows.end_minute.max() - DAY_MIN
    return PaperWindows(windows.values[late], windows.end_minute[late], windows.poisoned[late])


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
