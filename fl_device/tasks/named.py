"""The tasks a federation can have, by name."""

from __future__ import annotations

from typing import Final

from contracts.federation import TaskName
from fl_device.tasks.classification import Classification
from fl_device.tasks.forecast import Forecast
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import Task

TASKS: Final[dict[TaskName, Task]] = {
    "reconstruction": Reconstruction(),
    "forecast": Forecast(),
    "classification": Classification(),
}


def task_named(name: TaskName) -> Task:
    """Return the task."""
    return TASKS[name]
