"""The reference autoencoder: a Bi-LSTM that squeezes an hour into eight numbers and writes it out again (paper, Sec. V).

The paper's own model reconstructs each step from that step's state and so copies its input, attacks included. Here only
z (8 numbers for 120 values) passes, so the slow course of both channels is rebuilt and everything else stays in the residual.
The calendar is an input of the encoder only: rebuilding it would dilute the error, and it hardly moves within an hour.
The output cannot leave +-2 standard deviations: a level far outside the device's own range (pattern scaling reaches the
clip at 8) would otherwise be a flat line, the easiest thing to rebuild, and look more normal than normal.
The decoder reads z alone, the same at every step, so the compiled scorer multiplies it by the gate weights once a window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import CHANNELS, INPUTS, LATENT, REACH_Z, UNITS, autoencoder_shapes


def build_bottleneck(units: int = UNITS, latent: int = LATENT) -> Any:
    """Return the untrained Keras model: float32[B, 60, 6] (HR z, RR z, calendar) -> float32[B, 60, 2] (HR z, RR z)."""
    layers = tf.keras.layers
    window = layers.Input((WINDOW_MIN, INPUTS), name="window")
    state = layers.Bidirectional(layers.LSTM(units), name="encoder")(window)
    z = layers.Dense(latent, name="latent")(state)
    steps = layers.RepeatVector(WINDOW_MIN, name="repeat")(z)
    states = layers.Bidirectional(layers.LSTM(units, return_sequences=True), name="decoder")(steps)
    bounded = layers.Dense(CHANNELS, activation="tanh", name="output")(states)
    rebuilt = layers.Rescaling(REACH_Z, name="reach")(bounded)
    return tf.keras.Model(window, rebuilt, name="bottleneck")


def named_weights(model: Any) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a model made by `build_bottleneck`, by name."""
    return dict(zip(autoencoder_shapes(), model.get_weights(), strict=True))


def load_weights(model: Any, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put named weights into a model made by `build_bottleneck`; raises KeyError or ValueError when they do not fit."""
    model.set_weights([weights[name] for name in autoencoder_shapes()])
