"""Turns trained weights once into what the runtime multiplies by: features first, halves of the gates folded in."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Floats32, Weights
from detectors.network.layout import LEAST_CONTEXT_SD, NEIGHBOURS, STEP_INPUTS, UNITS, network_shapes

_DIRECTIONS: Final = ("forward", "backward")
_HALF: Final = np.float32(0.5)


class Dense(NamedTuple):
    """A layer's matrix [outputs, inputs] and its bias [outputs, 1]."""

    matrix: Floats32
    bias: Floats32


class Folded(NamedTuple):
    """The weights as the runtime multiplies by them.

    `step` [2, 1, 4H, H + 6] multiplies state and inputs in both directions, `step_constant` the embedded context; `hidden`
    [48, 72] multiplies states and neighbours, `hidden_constant` the embedded context. Gates come in the order input,
    forget, output, cell, and the state is kept twice as large as Keras' is: with sigma(x) = (1 + tanh(x/2))/2 all four
    gates then take one tanh and no halving of the state.
    """

    context_mean: Floats32
    context_sd: Floats32
    embedding: Dense
    step: Floats32
    step_constant: Dense
    hidden: Floats32
    hidden_constant: Dense
    location: Dense
    shape_hidden: Dense
    shape: Dense


def folded(weights: Weights) -> Folded:
    """Return the folded weights. Raises ValueError when one is missing, of another shape or not finite."""
    for name, expected in network_shapes().items():
        if name not in weights or weights[name].shape != expected or not np.isfinite(weights[name]).all():
            raise ValueError(f"the network's weight {name} is not a finite array of shape {expected}")
    step, matrix, bias = (
        np.stack(parts)[:, None] for parts in zip(*(_lstm(weights, name) for name in _DIRECTIONS), strict=True)
    )
    hidden, hidden_bias = _dense(weights, "location_hidden")
    hidden[:, : 2 * UNITS] *= _HALF
    read = 2 * UNITS + NEIGHBOURS
    return Folded(
        context_mean=weights["context_mean"][:, None],
        context_sd=np.maximum(weights["context_sd"], np.float32(LEAST_CONTEXT_SD))[:, None],
        embedding=_dense(weights, "embedding"),
        step=step,
        step_constant=Dense(matrix, bias),
        hidden=np.ascontiguousarray(hidden[:, :read]),
        hidden_constant=Dense(np.ascontiguousarray(hidden[:, read:]), hidden_bias),
        location=_dense(weights, "location"),
        shape_hidden=_dense(weights, "shape_hidden"),
        shape=_dense(weights, "shape"),
    )


def _lstm(weights: Weights, direction: str) -> tuple[Floats32, Floats32, Floats32]:
    """Return the product of a step [4H, H + 6] (state, then inputs), the context's part [4H, 16] and the bias [4H, 1]."""
    kernel = _gates(weights[f"{direction}/kernel"])
    recurrent = _HALF * _gates(weights[f"{direction}/recurrent_kernel"])
    step = np.concatenate([recurrent, kernel[:, :STEP_INPUTS]], axis=1)
    return step, kernel[:, STEP_INPUTS:], _gates(weights[f"{direction}/bias"][None])


def _gates(kernel: Floats32) -> Floats32:
    """Return [4H, inputs] of Keras' [inputs, 4H]: gates reordered, the three sigmoids' halved."""
    put_in, forget, content, put_out = np.split(kernel.T, 4)
    return np.concatenate([_HALF * put_in, _HALF * forget, _HALF * put_out, content])


def _dense(weights: Weights, layer: str) -> Dense:
    return Dense(np.array(weights[f"{layer}/kernel"].T, order="C"), weights[f"{layer}/bias"][:, None])
