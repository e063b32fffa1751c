"""The weights that each task's network has, and those that a federation begins with. The coordinator draws them without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from contracts.messages.federation import TaskName
from detectors.array_types import Floats32
from detectors.network.layout import CHANNELS, UNITS, Shapes, bidirectional_shapes, dense_shapes, network_shapes
from transport.blobs.weights import Weights

FORECAST_INPUTS: Final = CHANNELS + 4  # both channels and the calendar
CLASSIFICATION_UNITS: Final = 16


def forecast_shapes() -> Shapes:
    """Return name -> shape of the forecaster's weights."""
    return {**bidirectional_shapes("reader", FORECAST_INPUTS, UNITS), **dense_shapes("output", 2 * UNITS, CHANNELS)}


def classification_shapes() -> Shapes:
    """Return name -> shape of the weights of the classifier of signal quality."""
    reader = bidirectional_shapes("reader", 2 * CHANNELS, CLASSIFICATION_UNITS)
    return {**reader, **dense_shapes("output", 4 * CLASSIFICATION_UNITS, 1)}


SHAPES: Final[dict[TaskName, Callable[[], Shapes]]] = {
    "reconstruction": network_shapes,
    "forecast": forecast_shapes,
    "classification": classification_shapes,
}


def fresh_weights(shapes: Shapes, seed: int) -> Weights:
    """Return untrained weights as Keras draws them: Glorot's uniform kernels, orthogonal recurrent ones, biases 0 but 1 for forgetting."""
    rng = np.random.default_rng(seed)
    return {name: _fresh(name, shape, rng) for name, shape in shapes.items()}


def _fresh(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Floats32:
    if name.endswith("/recurrent_kernel"):
        rotation, triangle = np.linalg.qr(rng.standard_normal(shape[::-1]))
        return (rotation * np.sign(np.diag(triangle))).T.astype(np.float32)
    if name == "context_sd":
        return np.ones(shape, np.float32)
    if len(shape) == 1:
        bias = np.zeros(shape, np.float32)
        if not {"forward", "backward"}.isdisjoint(name.split("/")):  # an LSTM's, in Keras' order of gates
            bias[len(bias) // 4 : len(bias) // 2] = 1
        return bias
    reach = np.sqrt(6 / (shape[0] + shape[1]))
    return rng.uniform(-reach, reach, shape).astype(np.float32)
