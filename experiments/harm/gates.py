"""The detectors that gate the patients of a study: each fitted without those whom it gates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from detectors.bundle.bundle import Bundle, save_bundle
from detectors.training.calibration import dealt
from detectors.training.cohort import Population, UnmarkedStay, fingerprint
from detectors.training.patients import generator_of
from detectors.training.trainer import STAGES, train_detector
from detectors.training.training import LEAST_PATIENTS, QUICK, Training, TrainingBudget
from detectors.training.workfolder import WorkFolder
from experiments.common.injection import core_cases, inject_case
from experiments.common.stages import StageProgress
from experiments.common.workers.processes import CarryOut
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

FOLDS: Final = 2
GATES: Final = tuple(f"gate {fold + 1} of {FOLDS}" for fold in range(FOLDS))
CANARIES: Final = (600_000, 4, 2 * 1440)  # seed, patients and minutes of the windows that every bundle brings along


def folds_of(recordings: Sequence[Recording]) -> list[int] | None:
    """Return each patient's fold, dealt by length, so that both halves last about as long. None: too few to fit two detectors."""
    if len(recordings) < FOLDS * LEAST_PATIENTS:
        return None
    lengths = np.array([recording.minutes for recording in recordings])
    folds: list[int] = dealt(lengths, FOLDS, generator_of(1, "gates")).tolist()
    return folds


def fitted_gates(
    recordings: Sequence[Recording],
    folds: Sequence[int],
    bundle: Bundle,
    folder: Path,
    carry_out: CarryOut,
    progress: StageProgress,
    *,
    quick: bool,
) -> list[Path]:
    """Return the folder of each fold's gate: the bundle's network, everything else learnt from the other fold's patients.

    Finished ones are found again below `folder`. Blocks for minutes.
    """
    made = []
    for fold, name in enumerate(GATES):
        teaching = [one for one, own in zip(recordings, folds, strict=True) if own != fold]
        key = repr((quick, bundle.sha256, [fingerprint(one) for one in teaching]))
        target = folder / f"gate-{fold}-{sha256(key.encode()).hexdigest()[:16]}"
        is_kept = target.is_dir()
        if not is_kept:
            training, work = _training(teaching, bundle, quick=quick), WorkFolder(folder / f"gate-{fold}.work", key)
            _save_whole(train_detector(training, work, _told(progress, name), carry_out), target)
        progress(name, 1.0, f"{len(teaching)} patients", kept=is_kept)
        made.append(target)
    return made


def _save_whole(bundle: Bundle, target: Path) -> None:
    """Save a bundle so that its folder is there as a whole or not at all."""
    unfinished = target.with_suffix(".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    save_bundle(bundle, unfinished)
    unfinished.replace(target)


def _told(progress: StageProgress, name: str) -> Callable[[str, float, str], None]:
    """Return what a training tells its stages to: a gate's bar, most of which is the measuring of decisions."""

    def told(stage: str, share: float, text: str) -> None:
        place = STAGES.index(stage)
        progress(name, min((place + share) / len(STAGES), 0.999), f"{stage}: {text}")

    return told


def _training(teaching: Sequence[Recording], bundle: Bundle, *, quick: bool) -> Training:
    seed, count, minutes = CANARIES
    return Training(
        populations=(Population("real", [UnmarkedStay(one) for one in teaching], is_real=True),),
        network_stays=(),
        canary_stays=synthetic_stays(seed, count, minutes),
        cases=core_cases(),
        inject=inject_case,
        seed=1,
        effort=QUICK if quick else TrainingBudget(),
        network=bundle.parameters.network,
    )
