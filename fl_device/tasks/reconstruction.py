"""The default task: the detector's own network learns what the devices' clean hours look like from their neighbours."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from detectors.minutes.windows import WINDOW_MIN
from detectors.network.layout import (
    CHANNELS,
    CONTEXT_REACH,
    CONTEXT_SIZE,
    LEAST_CONTEXT_SD,
    TRAINED,
    Shapes,
    network_shapes,
)
from detectors.training.network.architecture import known_states, network_inputs
from detectors.training.network.loss import expected_value, log_probability
from detectors.training.tensorflow import tf
from fl_device.tasks.layers import DIRECTIONS, dense, side_by_side
from fl_device.tasks.task import Examples, OwnHours, Tensors

_VALUES: Final = WINDOW_MIN * CHANNELS
PARTS: Final = (_VALUES, _VALUES, CONTEXT_SIZE, CHANNELS)
"""Numbers of a packed window: z, weights, context, half a grid step in z."""


class Reconstruction:
    """Input: a packed window, float32[n, 269]. Target: its scaled values, float32[n, 60, 2].

    The loss is the negative log likelihood of a measured value in the minutes 8..57, each given all minutes but itself
    (`detectors.network`). The context's statistics travel with the weights and no gradient moves them.
    """

    name: Final = "reconstruction"

    @property
    def shapes(self) -> Shapes:
        return network_shapes()

    def output(self, weights: Tensors, inputs: Any) -> Any:
        """Return float32[B, 50, 2], the values in z that the network expects in the minutes 8..57."""
        z, weight, context, _ = _unpacked(inputs)
        return expected_value(z, *_network(weights, z, weight, context))

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        z, weight, context, half_cell = _unpacked(inputs)
        log_likelihood = log_probability(targets, half_cell, *_network(weights, z, weight, context))
        measured = weight[:, TRAINED.start : TRAINED.stop]
        count = tf.maximum(tf.reduce_sum(measured, (1, 2)), 1.0)
        return -tf.reduce_sum(log_likelihood * measured, (1, 2)) / count

    def examples(self, hours: OwnHours) -> Examples:
        count = len(hours)
        own = np.tile(np.concatenate([hours.context, hours.half_cell]).astype(np.float32), (count, 1))
        windows = [array.reshape(count, _VALUES) for array in (hours.z, hours.weight)]
        return Examples(np.concatenate([*windows, own], axis=1), hours.z)


def _unpacked(inputs: Any) -> tuple[Any, Any, Any, Any]:
    z, weight, context, half_cell = tf.split(inputs, PARTS, axis=1)
    shape = (-1, WINDOW_MIN, CHANNELS)
    return tf.reshape(z, shape), tf.reshape(weight, shape), context, half_cell


def _network(weights: Tensors, z: Any, weight: Any, context: Any) -> tuple[Any, Any]:
    """Return the shift [B, 50, 2] and the shape [B, 22] (see `detectors.training.network.architecture`)."""
    mean, deviation = (tf.stop_gradient(weights[name]) for name in ("context_mean", "context_sd"))
    standard = (context - mean) / tf.maximum(deviation, LEAST_CONTEXT_SD)
    standard = tf.clip_by_value(standard, -CONTEXT_REACH, CONTEXT_REACH)
    embedded = tf.tanh(dense(weights, "embedding", standard))

    def beside(steps: Any) -> Any:
        return tf.concat([steps, tf.repeat(embedded[:, None], steps.shape[1], axis=1)], -1)

    forward, backward, near = network_inputs(z, weight)
    missing = forward.shape[1] - backward.shape[1]
    longer = tf.pad(backward, ((0, 0), (0, missing), (0, 0)))  # steps after the last one that is read
    _, states = side_by_side(weights, DIRECTIONS, [beside(forward), beside(longer)])
    known = known_states(states[0], states[1][:, : backward.shape[1]])
    hidden = tf.tanh(dense(weights, "location_hidden", beside(tf.concat([*known, near], -1))))
    shape = dense(weights, "shape", tf.tanh(dense(weights, "shape_hidden", embedded)))
    return dense(weights, "location", hidden), shape
