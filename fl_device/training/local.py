"""Trains a device's copy of the global model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import Any, Final

import numpy as np

from contracts.errors import InvalidMessage
from detectors.array_types import Floats32, Ints
from detectors.network.layout import Shapes
from detectors.training.tensorflow import tf
from fl_device.tasks.task import Examples, Task
from fl_device.training.course import Course, LocalResult
from transport.blobs.weights import Weights

DECAY_OF_MEAN: Final = 0.9
DECAY_OF_SQUARE: Final = 0.999
EPSILON: Final = 1e-7


State = tuple[Any, Any, Any, Any]
"""What a step goes on from: the weights as one vector float32[d], Adam's mean and mean square of the gradient, the steps taken."""


@dataclass(frozen=True, slots=True)
class Programs:
    """A batch is (inputs, targets, weight of each window). Each batch size compiles on its first use.

    `step(state, batch, (learning rate, proximal mu, the global model's vector))` returns the next state; `measure(vector, *batch)`
    the sum over the batch's weighted windows of each window's loss.
    """

    step: Any
    measure: Any


@cache
def programs_of(task: Task) -> Programs:
    """Return the programs of a task, the same ones each time."""
    shapes = task.shapes

    def summed(vector: Any, inputs: Any, targets: Any, weight: Any) -> Any:
        return tf.reduce_sum(weight * task.loss(_named(vector, shapes), inputs, targets))

    def step(state: State, batch: tuple[Any, Any, Any], terms: tuple[Any, Any, Any]) -> State:
        rate, proximal_mu, anchor = terms
        with tf.GradientTape() as tape:
            tape.watch(state[0])
            loss = summed(state[0], *batch) / tf.reduce_sum(batch[-1])
            loss += proximal_mu / 2 * tf.reduce_sum(tf.square(state[0] - anchor))
        return _adam(state, tape.gradient(loss, state[0]), rate)

    return Programs(*(tf.function(program, jit_compile=True, autograph=False) for program in (step, summed)))


def vector_of(weights: Weights, shapes: Shapes) -> Floats32:
    """Return named weights as one vector. Raises InvalidMessage when one is missing or of another shape."""
    for name, shape in shapes.items():
        if name not in weights or weights[name].shape != shape:
            raise InvalidMessage("bad_update", f"the global model does not fit: {name} is not {shape}")
    return np.concatenate([np.asarray(weights[name], np.float32).ravel() for name in shapes])


def weights_of(vector: Floats32, shapes: Shapes) -> Weights:
    """Return a vector as named weights."""
    parts = np.split(vector, np.cumsum(_sizes(shapes))[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _named(vector: Any, shapes: Shapes) -> dict[str, Any]:
    parts = tf.split(vector, _sizes(shapes))
    return {name: tf.reshape(part, shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def _sizes(shapes: Shapes) -> list[int]:
    return [int(np.prod(shape)) for shape in shapes.values()]


def _adam(state: State, gradient: Any, rate: Any) -> State:
    """One step of Adam (Kingma and Ba, ICLR 2015) in the arithmetic of Keras'."""
    vector, mean, square, steps = state
    steps += 1.0
    mean += (gradient - mean) * (1.0 - DECAY_OF_MEAN)
    square += (tf.square(gradient) - square) * (1.0 - DECAY_OF_SQUARE)
    reach = rate * tf.sqrt(1.0 - tf.pow(DECAY_OF_SQUARE, steps)) / (1.0 - tf.pow(DECAY_OF_MEAN, steps))
    return vector - mean * reach / (tf.sqrt(square) + EPSILON), mean, square, steps


class LocalTrainer:
    """Blocks while it trains. A batch size compiles on its first use in a process, whatever trainer it is. `warm` compiles ahead.

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
        """Train from `weights` on all examples. Raises InvalidMessage when the weights do not fit the model."""
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

    def loss(self, weights: Weights, examples: Examples, batch_size: int) -> float:
        """Return the mean loss of a model on examples, at least one. Raises InvalidMessage when the weights do not fit."""
        return self._loss(tf.constant(vector_of(weights, self._shapes)), examples, batch_size)

    def _loss(self, vector: Any, examples: Examples, batch_size: int) -> float:
        batches = _batches(examples, np.arange(len(examples)), batch_size)
        return sum(float(self._programs.measure(vector, *batch)) for batch in batches) / len(examples)


def _batches(examples: Examples, order: Ints, size: int) -> Iterator[tuple[Any, Any, Any]]:
    """Yield batches of one fixed size. The last is filled up with rows of weight zero."""
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        weight = np.zeros(size, np.float32)
        weight[: len(rows)] = 1.0
        rows = np.resize(rows, size)
        arrays = (examples.inputs[rows], examples.targets[rows], weight)
        yield tuple(tf.constant(array) for array in arrays)
