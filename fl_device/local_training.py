"""Trains a device's copy of the global model: one compiled network serves all devices of the process in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import InvalidMessage
from detectors.scoring.tensorflow_runtime import tf
from fl_device.tasks import Examples, Task
from transport.weights import Weights


@dataclass(frozen=True, slots=True)
class LocalResult:
    """New weights by name (float32), the windows they were trained on, and the mean squared error before and after."""

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
    """Owned by one thread; blocks while it trains. A batch size compiles on its first use; `warm` compiles ahead.

    Each training starts from the given weights and a fresh optimizer: nothing of one device reaches the next.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._model = task.build()
        self._optimizer = tf.keras.optimizers.Adam()
        self._optimizer.build(self._model.trainable_variables)
        self._fresh_optimizer = [variable.numpy() for variable in self._optimizer.variables]
        self._anchors = [tf.Variable(variable, trainable=False) for variable in self._model.trainable_variables]
        self._proximal_mu = tf.Variable(0.0, trainable=False)
        self._step = tf.function(self._train_step, jit_compile=True, autograph=False)
        self._measure = tf.function(self._squared_error, jit_compile=True, autograph=False)

    def warm(self, examples: Examples, batch_size: int) -> None:
        """Compile both programs for one batch size on any examples, at least one."""
        course = Course(epochs=1, batch_size=batch_size, learning_rate=1e-3, seed=0)
        self.train(self._task.weights_of(self._model), examples, course)

    def train(self, weights: Weights, examples: Examples, course: Course) -> LocalResult:
        """Train from `weights` on all examples; raises InvalidMessage when the weights do not fit the model."""
        started = perf_counter()
        self._reset(weights, course)
        loss_before = self._loss(examples, course.batch_size)
        shuffles = np.random.default_rng(course.seed)
        for _ in range(course.epochs):
            for batch in _batches(examples, shuffles.permutation(len(examples)), course.batch_size):
                self._step(*batch)
        loss_after = self._loss(examples, course.batch_size)
        trained = self._task.weights_of(self._model)
        return LocalResult(trained, len(examples), loss_before, loss_after, perf_counter() - started)

    def _reset(self, weights: Weights, course: Course) -> None:
        try:
            self._task.load_weights(self._model, weights)
        except (KeyError, ValueError) as error:
            raise InvalidMessage("bad_update", f"the global model does not fit ({type(error).__name__})") from None
        for variable, value in zip(self._optimizer.variables, self._fresh_optimizer, strict=True):
            variable.assign(value)
        self._optimizer.learning_rate.assign(course.learning_rate)
        self._proximal_mu.assign(course.proximal_mu)
        for anchor, variable in zip(self._anchors, self._model.trainable_variables, strict=True):
            anchor.assign(variable)

    def _loss(self, examples: Examples, batch_size: int) -> float:
        batches = _batches(examples, np.arange(len(examples)), batch_size)
        return sum(float(self._measure(*batch)) for batch in batches) / len(examples)

    def _squared_error(self, inputs: Any, targets: Any, weight: Any) -> Any:
        """Sum over the batch's weighted windows of each window's mean squared error."""
        residual = tf.reshape(targets - self._model(inputs, training=False), (inputs.shape[0], -1))
        return tf.reduce_sum(weight * tf.reduce_mean(tf.square(residual), axis=1))

    def _train_step(self, inputs: Any, targets: Any, weight: Any) -> None:
        with tf.GradientTape() as tape:
            loss = self._squared_error(inputs, targets, weight) / tf.reduce_sum(weight)
            loss += self._proximal_mu / 2 * self._distance_squared()
        variables = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, variables), variables)

    def _distance_squared(self) -> Any:
        """|w - w_global|^2 over all trainable variables."""
        pairs = zip(self._model.trainable_variables, self._anchors, strict=True)
        return tf.add_n([tf.reduce_sum(tf.square(variable - anchor)) for variable, anchor in pairs])


def _batches(examples: Examples, order: NDArray[np.int64], size: int) -> Iterator[tuple[Any, Any, Any]]:
    """Yield batches of one fixed size; the last is filled up with rows of weight zero."""
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        weight = np.zeros(size, np.float32)
        weight[: len(rows)] = 1.0
        rows = np.resize(rows, size)
        arrays = (examples.inputs[rows], examples.targets[rows], weight)
        yield tuple(tf.constant(array) for array in arrays)
