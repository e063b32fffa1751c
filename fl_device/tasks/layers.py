"""The layers of federated networks as functions of named weights, in Keras' arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from detectors.training.tensorflow import tf
from fl_device.tasks.task import Tensors

DIRECTIONS: Final = ("forward", "backward")


def dense(weights: Tensors, block: str, inputs: Any) -> Any:
    """Return float32[..., outputs] of inputs float32[..., features], with no activation."""
    return tf.matmul(inputs, weights[f"{block}/kernel"]) + weights[f"{block}/bias"]


def squared_error(output: Any, targets: Any) -> Any:
    """Return float32[B], each window's mean squared error."""
    return tf.reduce_mean(tf.square(tf.reshape(targets - output, (targets.shape[0], -1))), axis=1)


def bidirectional(weights: Tensors, block: str, inputs: Any) -> tuple[Any, Any]:
    """Read float32[B, T, features] both ways: the last states float32[B, 2H] and each minute's float32[B, T, 2H]."""
    blocks = [f"{block}/{direction}" for direction in DIRECTIONS]
    last, states = side_by_side(weights, blocks, [inputs, inputs[:, ::-1]])
    return tf.concat([last[0], last[1]], -1), tf.concat([states[0], states[1][:, ::-1]], -1)


def side_by_side(weights: Tensors, blocks: Sequence[str], inputs: Sequence[Any]) -> tuple[Any, Any]:
    """Run LSTMs of the same size, each over its own float32[B, T, features]. T is the same for all.

    Return their last states float32[k, B, H] and all of them float32[k, B, T, H]. The four gates (Keras' order: input,
    forget, cell, output) take one tanh, as sigma(x) = .5 + .5 tanh(x/2).
    """
    kernel, recurrent, bias = (
        tf.stack([weights[f"{block}/{part}"] for block in blocks]) for part in ("kernel", "recurrent_kernel", "bias")
    )
    seen = tf.transpose(tf.stack(inputs), (2, 0, 1, 3))
    halves = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), recurrent.shape[1])
    last, states = _loop(halves * (tf.matmul(seen, kernel) + bias[:, None]), halves * recurrent)
    return last, tf.transpose(states, (1, 2, 0, 3))


def _loop(gates: Any, recurrent: Any) -> tuple[Any, Any]:
    """Return the last states [k, B, H] and all of them [T, k, B, H]."""
    minutes, networks, batch, _ = gates.shape
    nothing = tf.zeros((networks, batch, recurrent.shape[1]))

    def step(minute: Any, state: Any, cell: Any, states: Any) -> tuple[Any, ...]:
        put_in, forget, content, put_out = tf.split(tf.tanh(gates[minute] + tf.matmul(state, recurrent)), 4, axis=-1)
        cell = 0.5 * ((1.0 + forget) * cell + (1.0 + put_in) * content)
        state = 0.5 * (1.0 + put_out) * tf.tanh(cell)
        return minute + 1, state, cell, states.write(minute, state)

    states = tf.TensorArray(tf.float32, minutes, element_shape=nothing.shape)
    start = tf.constant(0), nothing, nothing, states
    _, last, _, states = tf.while_loop(lambda minute, *_: minute < minutes, step, start, maximum_iterations=minutes)
    return last, states.stack()
