"""Trains a device's copy of the global model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from detectors.training.tensorflow import tf
from detectors.types import Ints
from fl_device.tasks.task import Examples, Task
from fl_device.training.programs import programs_of, vector_of, weights_of
from transport.blobs.weights import Weights


@dataclass(frozen=True, slots=True)
class LocalResult:
    """New weights by name (float32), the windows they were trained on, and the task's mean loss before and after."""

    weights: Weights
    sample_count: int
    loss_before: float
    loss_after: float
    train_s: float

    def is_finite(self) -> bool:
        """Whether the training converged to numbers that may be sent."""
        return bool(np.isfinite(self.loss_after)) and all(np.isfinite(array).all() for array in self.weights.values())


@dataclass(frozen=True, slots=True)
class Course:
    """How to train: passes over the windows, windows a step, the step size of Adam, and the seed of the shuffles.

    `proximal_mu` adds mu/2 |w - w_global|^2 to the loss (FedProx, Li et al., MLSys 2020, Eq. 2); 0 adds nothing.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    proximal_mu: float = 0.0


class LocalTrainer:
    """Blocks while it trains. A batch size compiles on its first use in a process, whatever trainer it is; `warm` compiles ahead.

    Each training starts from the given weights and a fresh optimizer: nothing of one device reaches the next.
    """

    def __init__(self, task: Task) -> None:
        self._shapes = task.shapes
        self._programs = programs_of(task)

    def warm(self, examples: Examples, batch_size: int) -> None:
        """Compile both programs for one batch size on any examples, at least one."""
        course = Course(epochs=1, batch_size=batch_size, learning_rate=1e-3, seed=0)
        self.train({name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}, examples, course)

    def train(self, weights: Weights, examples: Examples, course: Course) -> LocalResult:
        """Train from `weights` on all examples; raises InvalidMessage when the weights do not fit the model."""
        started = perf_counter()
        base = tf.constant(vector_of(weights, self._shapes))
        state = base, tf.zeros_like(base), tf.zeros_like(base), tf.constant(0.0)
        terms = tf.constant(course.learning_rate, tf.float32), tf.constant(course.proximal_mu, tf.float32), base
        loss_before = self._loss(base, examples, course.batch_size)
        shuffles = np.random.default_rng(course.seed)
        for _ in range(course.epochs):
            for batch in _batches(examples, shuffles.permutation(len(examples)), course.batch_size):
                state = self._programs.step(state, batch, terms)
        loss_after = self._loss(state[0], examples, course.batch_size)
        trained = weights_of(state[0].numpy(), self._shapes)
        return LocalResult(trained, len(examples), loss_before, loss_after, perf_counter() - started)

    def _loss(self, vector: Any, examples: Examples, batch_size: int) -> float:
        batches = _batches(examples, np.arange(len(examples)), batch_size)
        return sum(float(self._programs.measure(vector, *batch)) for batch in batches) / len(examples)


def _batches(examples: Examples, order: Ints, size: int) -> Iterator[tuple[Any, Any, Any]]:
    """Yield batches of one fixed size; the last is filled up with rows of weight zero."""
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        weight = np.zeros(size, np.float32)
        weight[: len(rows)] = 1.0
        rows = np.resize(rows, size)
        arrays = (examples.inputs[rows], examples.targets[rows], weight)
        yield tuple(tf.constant(array) for array in arrays)
