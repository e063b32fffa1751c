"""Builds and compiles what a device host computes with, once, before it reports ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.configuration.settings import Settings
from contracts.messages.federation import TaskName
from detectors.engine.engine import DetectionEngine
from detectors.minutes.windows import WINDOW_MIN
from detectors.network.layout import CONTEXT_SIZE
from fl_device.host.detector import HostDetector
from fl_device.tasks.classification import Classification
from fl_device.tasks.forecast import Forecast
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import OwnHours, Task
from fl_device.training.local import LocalTrainer

TASKS: Final[dict[TaskName, Task]] = {
    "reconstruction": Reconstruction(),
    "forecast": Forecast(),
    "classification": Classification(),
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """The detector and the trainer, both owned by the thread that made them."""

    detector: HostDetector
    trainer: LocalTrainer


def prepare(settings: Settings, engine: DetectionEngine) -> Prepared:
    """Compile the trainer beside the engine of the bundle in force. Blocks for some seconds."""
    task = TASKS[settings.federated_task]
    detector = HostDetector(engine, task, max_windows=settings.local_max_windows, horizon_min=settings.vote_horizon_min)
    trainer = LocalTrainer(task)
    nothing = np.zeros((1, WINDOW_MIN, 2), np.float32)
    hours = OwnHours(
        z=nothing,
        weight=nothing,
        event_minute=np.zeros((1, WINDOW_MIN), np.int64),
        context=np.zeros(CONTEXT_SIZE, np.float32),
        half_cell=np.zeros(2, np.float32),
    )
    trainer.warm(task.examples(hours), settings.local_batch_size)
    return Prepared(detector, trainer)
