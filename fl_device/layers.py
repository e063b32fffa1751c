"""The layers that federated networks are made of, as functions of named weights: Keras' own arithmetic without Keras, whose import takes seconds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from detectors.scoring.tensorflow_runtime import tf
from fl_device.tasks import Tensors

DIRECTIONS: Final = ("forward", "backward")


def dense(weights: Tensors, block: str, inputs: Any) -> Any:
    """Return float32[..., outputs] of inputs float32[..., features], with no activation."""
    return tf.matmul(inputs, weights[f"{block}/kernel"]) + weights[f"{block}/bias"]


def bidirectional(weights: Tensors, block: str, inputs: Any) -> tuple[Any, Any]:
    """Read float32[B, T, features] both ways: the last states float32[B, 2H] and each minute's float32[B, T, 2H]."""
    by_minute = tf.transpose(inputs, (1, 0, 2))
    return _run(weights, block, tf.stack([by_minute, by_minute[::-1]], 1))


def bidirectional_held(weights: Tensors, block: str, value: Any, minutes: int) -> tuple[Any, Any]:
    """Read the same float32[B, features] at each of so many minutes; as `bidirectional`."""
    return _run(weights, block, tf.stack([value, value])[None], minutes)


def _run(weights: Tensors, block: str, seen: Any, minutes: int = 0) -> tuple[Any, Any]:
    """Run both directions side by side over `seen` [T, 2, B, features], T = 1 standing for so many minutes.

    The four gates (Keras' order: input, forget, cell, output) take one tanh, as sigma(x) = .5 + .5 tanh(x/2).
    """
    kernel, recurrent, bias = (
        tf.stack([weights[f"{block}/{direction}/{part}"] for direction in DIRECTIONS])
        for part in ("kernel", "recurrent_kernel", "bias")
    )
    halves = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), recurrent.shape[1])
    gates = halves * (tf.matmul(seen, kernel) + bias[:, None])
    if minutes:
        gates = tf.tile(gates, (minutes, 1, 1, 1))
    last, states = _loop(gates, halves * recurrent)
    return tf.concat([last[0], last[1]], -1), tf.transpose(tf.concat([states[:, 0], states[::-1, 1]], -1), (1, 0, 2))


def _loop(gates: Any, recurrent: Any) -> tuple[Any, Any]:
    """Return the last states [2, B, H] and all of them [T, 2, B, H], each direction in its own order."""
    minutes, _, batch, _ = gates.shape
    units = recurrent.shape[1]
    nothing = tf.zeros((2, batch, units))

    def step(minute: Any, state: Any, cell: Any, states: Any) -> tuple[Any, ...]:
        put_in, forget, content, put_out = tf.split(tf.tanh(gates[minute] + tf.matmul(state, recurrent)), 4, axis=-1)
        cell = 0.5 * ((1.0 + forget) * cell + (1.0 + put_in) * content)
        state = 0.5 * (1.0 + put_out) * tf.tanh(cell)
        return minute + 1, state, cell, states.write(minute, state)

    states = tf.TensorArray(tf.float32, minutes, element_shape=nothing.shape)
    start = tf.constant(0), nothing, nothing, states
    _, last, _, states = tf.while_loop(lambda minute, *_: minute < minutes, step, start, maximum_iterations=minutes)
    return last, states.stack()
