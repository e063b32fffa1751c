"""The network as a Keras model over the minutes that it is trained on (`detectors.network.runtime` is its numpy twin)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from detectors.array_types import Floats32, Weights
from detectors.network.layout import (
    CHANNELS,
    COMPONENTS,
    CONTEXT_SIZE,
    CONTEXT_STATISTICS,
    EMBEDDING,
    LOCATION_HIDDEN,
    NEIGHBOURS,
    SHAPE_HIDDEN,
    SHAPE_OUTPUTS,
    STEP_INPUTS,
    TRAINED,
    UNITS,
    network_shapes,
)
from detectors.network.runtime import VALUE_SHARE
from detectors.training.tensorflow import tf

CONTEXT_NOISE: Final = 0.15
"""Deviation added to the standardised context while training: a few hundred patients must not be told apart by it."""
_WINDOW_MIN: Final = 60
_FORWARD: Final = TRAINED.stop - 1
_BACKWARD: Final = _WINDOW_MIN - TRAINED.start - 1
_START_SHRINK: Final = 0.3
_START_WIDTHS: Final = (0.15, 0.35, 1.0)
_START_LOG_MASS: Final = -2.0


def network_inputs(z: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return what the network reads of windows [B, 60, 2] and their weights, as tensors.

    Steps from minute 0 to 56 [B, 57, 6], steps from minute 59 back to 9 [B, 51, 6], and the neighbours [B, 50, 8]
    of minutes 8..57.
    """
    moved = [z[:, TRAINED.start + shift : TRAINED.stop + shift] for shift in (-1, -2, 1, 2)]
    forward = _steps(z, weight)[:, :_FORWARD]
    backward = _steps(z[:, ::-1], weight[:, ::-1])[:, :_BACKWARD]
    return forward, backward, tf.concat(moved, -1)


def _steps(z: Any, weight: Any) -> Any:
    """Return [B, 60, 6]: value, step from the minute before, weight (see `network.runtime`)."""
    step = tf.concat([tf.zeros_like(z[:, :1]), z[:, 1:] - z[:, :-1]], 1)
    return tf.concat([VALUE_SHARE * z, step, weight], -1)


def known_states(forward: Any, backward: Any) -> tuple[Any, Any]:
    """Return for each trained minute the forward state of the minute before and the backward state of the minute after.

    `forward` [B, 57, H] and `backward` [B, 51, H] are the states in the order of `network_inputs`.
    """
    return forward[:, TRAINED.start - 1 :], backward[:, ::-1][:, : len(TRAINED)]


def build_network() -> Any:
    """Return the untrained model: steps both ways, neighbours, standardised context -> shift [B, 50, 2], shape [B, 22]."""
    layers, ops = tf.keras.layers, tf.keras.ops
    minutes = len(TRAINED)
    forward, backward = layers.Input((_FORWARD, STEP_INPUTS)), layers.Input((_BACKWARD, STEP_INPUTS))
    near, context = layers.Input((minutes, NEIGHBOURS)), layers.Input((CONTEXT_SIZE,))
    noisy = layers.GaussianNoise(CONTEXT_NOISE)(context)
    embedded = layers.Dense(EMBEDDING, activation="tanh", name="embedding")(noisy)

    def beside(steps: Any) -> Any:
        return ops.concatenate([steps, ops.repeat(embedded[:, None], steps.shape[1], 1)], -1)

    states = [
        layers.LSTM(UNITS, return_sequences=True, name=name)(beside(steps))
        for name, steps in (("forward", forward), ("backward", backward))
    ]
    features = beside(ops.concatenate([*known_states(*states), near], -1))
    hidden = layers.Dense(LOCATION_HIDDEN, activation="tanh", name="location_hidden")(features)
    shift = layers.Dense(CHANNELS, name="location")(hidden)
    own = layers.Dense(SHAPE_HIDDEN, activation="tanh", name="shape_hidden")(embedded)
    shape = layers.Dense(SHAPE_OUTPUTS, name="shape")(own)
    model = tf.keras.Model([forward, backward, near, context], [shift, shape])
    _begin_near_the_neighbours(model)
    return model


def _begin_near_the_neighbours(model: Any) -> None:
    """Start with small shifts and three widths: from a flat start the components stay alike."""
    bias = [*[0.0] * COMPONENTS, *[_START_LOG_MASS] * 2, *[0.0] * COMPONENTS, *np.log(_START_WIDTHS)]
    for name, start in (("location", np.zeros(CHANNELS)), ("shape", np.tile(bias, CHANNELS))):
        layer = model.get_layer(name)
        layer.set_weights([layer.get_weights()[0] * _START_SHRINK, start.astype(np.float32)])


def named_weights(model: Any) -> dict[str, Floats32]:
    """Return the trained weights by name: all of `network_shapes` but the context's statistics."""
    names = [name for of_layer in _TRAINED_BY_LAYER.values() for name in of_layer]
    arrays = [array for layer in _TRAINED_BY_LAYER for array in model.get_layer(layer).get_weights()]
    return dict(zip(names, arrays, strict=True))


def load_weights(model: Any, weights: Weights) -> None:
    """Put named weights into a model made by `build_network`. Raises KeyError or ValueError when they do not fit."""
    for layer, names in _TRAINED_BY_LAYER.items():
        model.get_layer(layer).set_weights([weights[name] for name in names])


def _trained_by_layer() -> dict[str, list[str]]:
    layers: dict[str, list[str]] = {}
    for name in network_shapes():
        if name not in CONTEXT_STATISTICS:
            layers.setdefault(name.split("/")[0], []).append(name)
    return layers


_TRAINED_BY_LAYER: Final = _trained_by_layer()
