"""The compiled programs of local training: a step of Adam, and the loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from contracts.errors import InvalidMessage
from detectors.network.layout import Shapes
from detectors.training.tensorflow import tf
from detectors.types import Floats32
from fl_device.tasks.task import Task
from transport.blobs.weights import Weights

DECAY_OF_MEAN: Final = 0.9
DECAY_OF_SQUARE: Final = 0.999
EPSILON: Final = 1e-7


State = tuple[Any, Any, Any, Any]
"""What a step goes on from: the weights as one vector float32[d], Adam's mean and mean square of the gradient, the steps taken."""


@dataclass(frozen=True, slots=True)
class Programs:
    """A batch is (inputs, targets, weight of each window); each batch size compiles on its first use.

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

    return Programs(*(tf.function(one, jit_compile=True, autograph=False) for one in (step, summed)))


def vector_of(weights: Weights, shapes: Shapes) -> Floats32:
    """Return named weights as one vector; raises InvalidMessage when one is missing or of another shape."""
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
