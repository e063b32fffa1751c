"""The tasks a federation can have, by name, and the weights that one begins with where no bundle holds any."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.federation import TaskName
from fl_device.tasks.classification import Classification
from fl_device.tasks.forecast import Forecast
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import Task
from transport.blobs.weights import Weights

TASKS: Final[dict[TaskName, Task]] = {
    "reconstruction": Reconstruction(),
    "forecast": Forecast(),
    "classification": Classification(),
}


def task_named(name: TaskName) -> Task:
    """Return the task."""
    return TASKS[name]


def fresh_weights(task: Task, seed: int) -> Weights:
    """Return untrained weights as Keras draws them: Glorot's uniform kernels, orthogonal recurrent ones, biases 0 but 1 for forgetting."""
    rng = np.random.default_rng(seed)
    return {name: _fresh(name, shape, rng) for name, shape in task.shapes.items()}


def _fresh(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    if name.endswith("/recurrent_kernel"):
        rotation, triangle = np.linalg.qr(rng.standard_normal(shape[::-1]))
        return (rotation * np.sign(np.diag(triangle))).T.astype(np.float32)
    if name == "context_sd":
        return np.ones(shape, np.float32)
    if len(shape) == 1:
        bias = np.zeros(shape, np.float32)
        if not {"forward", "backward"}.isdisjoint(name.split("/")):  # an LSTM's, in Keras' order of gates
            bias[len(bias) // 4 : len(bias) // 2] = 1
        return bias
    reach = np.sqrt(6 / (shape[0] + shape[1]))
    return rng.uniform(-reach, reach, shape).astype(np.float32)
