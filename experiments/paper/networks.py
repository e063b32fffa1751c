"""The paper's own two networks (Sec. V): a Bi-LSTM that rebuilds each minute from its own state, and its DNN.

The detector uses neither: a state that has seen the minute copies it, attacked or not, so what is left over
says little. The paper gives neither the width of the LSTM nor the layers of the DNN; both are the detector's.
"""

from __future__ import annotations

from typing import Any, Final

from detectors.minutes.windows import WINDOW_MIN
from detectors.training.tensorflow import tf

PAPER_FEATURES: Final = ("heart rate", "respiratory rate", "hour", "day", "weekday")
UNITS: Final = 32
HIDDEN: Final = (64, 32)
DROPOUT: Final = 0.1


def build_per_step(units: int = UNITS) -> Any:
    """Return the untrained Keras model: float32[B, 60, 5] (PAPER_FEATURES, min-max scaled) -> the same (eq. 1-4)."""
    layers = tf.keras.layers
    window = layers.Input((WINDOW_MIN, len(PAPER_FEATURES)), name="window")
    states = layers.Bidirectional(layers.LSTM(units, return_sequences=True), name="both_directions")(window)
    return tf.keras.Model(window, layers.Dense(len(PAPER_FEATURES), name="output")(states), name="per_step")


def build_error_classifier() -> Any:
    """Return the untrained Keras model: a window's standardised error float32[B, 1] -> anomaly score 0..1 [B, 1]."""
    layers = tf.keras.layers
    error = layers.Input((1,), name="error")
    hidden = error
    for index, width in enumerate(HIDDEN):
        hidden = layers.Dense(width, activation="relu", name=f"hidden_{index}")(hidden)
        hidden = layers.Dropout(DROPOUT, name=f"dropout_{index}")(hidden)
    return tf.keras.Model(error, layers.Dense(1, activation="sigmoid", name="score")(hidden), name="error_classifier")
