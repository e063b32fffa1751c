"""Builds and compiles what a device host computes with, once, before it reports ready."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.settings import Settings
from detectors.detector import Detector
from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import limit_threads
from detectors.tracks import DeviceTracks
from fl_device.judging import SelfJudge
from fl_device.local_training import LocalTrainer
from fl_device.named_tasks import task_named


@dataclass(frozen=True, slots=True)
class Prepared:
    """The judge and the trainer, both owned by the thread that made them, and the frozen bundle's sha256."""

    judge: SelfJudge
    trainer: LocalTrainer
    bundle_sha: str


def prepare(settings: Settings) -> Prepared:
    """Load the frozen bundle and compile detector and trainer; blocks for some seconds, imports TensorFlow."""
    limit_threads()
    detector = Detector.load(settings.bundle_dir, rule=settings.rule)
    detector.warm()
    tracks = DeviceTracks(
        detector.model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row
    )
    task = task_named(settings.federated_task)
    judge = SelfJudge(tracks, task, max_windows=settings.local_max_windows, horizon_min=settings.vote_horizon_min)
    trainer = LocalTrainer(task)
    nothing = np.zeros((1, WINDOW_MIN, 2), np.float32), np.zeros((1, WINDOW_MIN), np.int64)
    trainer.warm(task.examples(*nothing), settings.local_batch_size)
    return Prepared(judge, trainer, detector.bundle_sha)
