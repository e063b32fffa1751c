"""The second autoencoder: a Bi-LSTM that guesses every minute from all the others and so cannot copy it.

The value at minute t comes from the forward state at t - 1 and the backward state at t + 1. What it leaves over is what a
minute adds to its neighbours: noise, jumps and repetitions, where the bottleneck sees courses (after Laine et al., NeurIPS 2019).
The output is bounded as the bottleneck's is, for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import CHANNELS, INPUTS, REACH_Z, UNITS, blind_spot_shapes


def build_blind_spot(units: int = UNITS) -> Any:
    """Return the untrained Keras model: float32[B, 60, 6] (HR z, RR z, calendar) -> float32[B, 60, 2] (HR z, RR z)."""
    layers = tf.keras.layers
    window = layers.Input((WINDOW_MIN, INPUTS), name="window")
    sides = layers.Bidirectional(layers.LSTM(units, return_sequences=True), merge_mode=None, name="sides")(window)
    before = layers.ZeroPadding1D((1, 0), name="before")(layers.Cropping1D((0, 1))(sides[0]))
    after = layers.ZeroPadding1D((0, 1), name="after")(layers.Cropping1D((1, 0))(sides[1]))
    bounded = layers.Dense(CHANNELS, activation="tanh", name="output")(layers.Concatenate()([before, after]))
    rebuilt = layers.Rescaling(REACH_Z, name="reach")(bounded)
    return tf.keras.Model(window, rebuilt, name="blind_spot")


def named_weights(model: Any) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a model made by `build_blind_spot`, by name."""
    return dict(zip(blind_spot_shapes(), model.get_weights(), strict=True))


def load_weights(model: Any, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put named weights into a model made by `build_blind_spot`; raises KeyError or ValueError when they do not fit."""
    model.set_weights([weights[name] for name in blind_spot_shapes()])
