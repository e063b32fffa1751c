"""The tasks a federation can have, by name."""

from __future__ import annotations

from typing import Final

from contracts.task_names import TaskName
from fl_device.classification import Classification
from fl_device.forecast import Forecast
from fl_device.reconstruction import Reconstruction
from fl_device.tasks import Task

TASKS: Final[dict[TaskName, Task]] = {
    "reconstruction": Reconstruction(),
    "forecast": Forecast(),
    "classification": Classification(),
}


def task_named(name: TaskName) -> Task:
    """Return the task."""
    return TASKS[name]
