"""The honest way: an autoencoder that has never seen the patient it is used on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.paper.accuracy import measured_accuracy, pooled
from experiments.paper.fit import FittedPerStep, Report, fit_per_step
from experiments.paper.inputs import ATTACKS, MinMax, attacked_windows, clean_windows, min_max
from experiments.paper.patients import PaperPlan
from experiments.paper.rows import Rows, rows_of
from replay.recording import Recording


@dataclass(frozen=True, slots=True, eq=False)
class PatientLeftOut:
    """`accuracy` float64[6]: the fields of `Accuracy` on the patient left out; `rows`: clean and attacked windows of all."""

    accuracy: NDArray[np.float64]
    rows: Rows


def study_patient_left_out(
    recordings: Sequence[Recording], left_out: int, plan: PaperPlan, report: Report
) -> PatientLeftOut:
    """Train on all patients but one and judge all; blocks for minutes.

    The scale of the one left out comes from its whole clean recording, which is kinder to the method than practice.
    """
    scales = [min_max(one) for one in recordings]
    others = [at for at in range(len(recordings)) if at != left_out]
    trained = [clean_windows(recordings[at], scales[at], plan.trained_every_min).values for at in others]
    fitted = fit_per_step(
        np.concatenate(trained),
        None,
        plan.autoencoder_epochs,
        plan.seed + 1 + left_out,
        lambda share, text: report(0.8 * share, text),
    )
    new = pooled([clean_windows(recordings[left_out], scales[left_out], plan.judged_every_min)], [scales[left_out]])
    accuracy = measured_accuracy(new, fitted.rebuild(new.values))
    rows = [_rows(fitted, at, one, scales[at], plan, report) for at, one in enumerate(recordings)]
    return PatientLeftOut(np.array(astuple(accuracy)), np.concatenate(rows))


def _rows(fitted: FittedPerStep, at: int, recording: Recording, scale: MinMax, plan: PaperPlan, report: Report) -> Rows:
    report(0.8 + 0.04 * at, f"judging {recording.device_id}")
    clean = clean_windows(recording, scale, plan.judged_every_min)
    parts = [rows_of(clean, fitted.errors(clean.values), at, 0)]
    for case, attack in enumerate(ATTACKS, start=1):
        attacked = attacked_windows(recording, scale, attack, plan.seed, plan.judged_every_min)
        parts.append(rows_of(attacked, fitted.errors(attacked.values), at, case))
    return np.concatenate(parts)
