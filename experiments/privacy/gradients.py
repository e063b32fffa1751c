"""The gradient that windows have on the federated network's weights: what a look into an update starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.training.tensorflow import tf
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import OwnHours
from transport.blobs.weights import Weights

Floats = NDArray[np.float32]
TASK: Final = Reconstruction()
SHAPES: Final = TASK.shapes
SIZES: Final = [int(np.prod(shape)) for shape in SHAPES.values()]


@dataclass(frozen=True, slots=True)
class Known:
    """What the attacker is told of n windows: which values were measured, their minutes, the device's context and grid.

    `weight` float32[n, 60, 2], `event_minute` int64[n, 60], `context` float32[27], `half_cell` float32[2] in scaled units.
    """

    weight: Floats
    event_minute: NDArray[np.int64]
    context: Floats
    half_cell: Floats

    def part(self, chosen: NDArray[np.int64]) -> Known:
        """Return what is known of the windows at these places."""
        return Known(self.weight[chosen], self.event_minute[chosen], self.context, self.half_cell)

    def hours(self, z: Floats) -> OwnHours:
        """Return windows float32[n, 60, 2] in scaled units as the task takes them."""
        return OwnHours(z, self.weight, self.event_minute, self.context, self.half_cell)


def flat(weights: Weights) -> Floats:
    """Return the network's weights as float32[d], in the order of its layout."""
    return np.concatenate([np.asarray(weights[name], np.float32).ravel() for name in SHAPES])


def gradients(weights: Floats, z: Floats, known: Known) -> tuple[Floats, Floats]:
    """Return the mean loss' gradient on the weights float32[d] and on the windows float32[n, 60, 2].

    A window is both what is read and what is to be expected. Blocks; the first call with a number of windows
    compiles for seconds.
    """
    inputs = TASK.examples(known.hours(z)).inputs
    rest = tf.constant(inputs[:, z[0].size :])
    on_weights, on_windows = _program()(tf.constant(weights), tf.constant(z), rest)
    return on_weights.numpy(), on_windows.numpy()


@cache
def _program() -> Any:
    return tf.function(_both, jit_compile=True, autograph=False)


def _both(vector: Any, z: Any, rest: Any) -> tuple[Any, Any]:
    with tf.GradientTape() as tape:
        tape.watch([vector, z])
        parts = zip(SHAPES.items(), tf.split(vector, SIZES), strict=True)
        named = {name: tf.reshape(part, shape) for (name, shape), part in parts}
        inputs = tf.concat([tf.reshape(z, (z.shape[0], -1)), rest], 1)
        loss = tf.reduce_mean(TASK.loss(named, inputs, z))
    on_weights, on_windows = tape.gradient(loss, [vector, z])
    return on_weights, on_windows
