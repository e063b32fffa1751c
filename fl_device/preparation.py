"""Builds and compiles what a device host computes with, once, before it reports ready."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.settings import Settings
from detectors.preprocessing import WINDOW_MIN
from detectors.tracks import DeviceTracks
from fl_device.judging import SelfJudge
from fl_device.local_training import LocalTrainer
from fl_device.named_tasks import task_named


@dataclass(frozen=True, slots=True)
class Prepared:
    """The judge and the trainer, both owned by the thread that made them."""

    judge: SelfJudge
    trainer: LocalTrainer


def prepare(settings: Settings, tracks: DeviceTracks) -> Prepared:
    """Compile the trainer beside the tracks of the bundle in force; blocks for some seconds."""
    task = task_named(settings.federated_task)
    judge = SelfJudge(tracks, task, max_windows=settings.local_max_windows, horizon_min=settings.vote_horizon_min)
    trainer = LocalTrainer(task)
    nothing = np.zeros((1, WINDOW_MIN, 2), np.float32), np.zeros((1, WINDOW_MIN), np.int64)
    trainer.warm(task.examples(*nothing), settings.local_batch_size)
    return Prepared(judge, trainer)
