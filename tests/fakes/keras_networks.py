"""The networks of the federated tasks as Keras builds them from its own layers: what ours are held against."""

from __future__ import annotations

from typing import Any

from detectors.training.tensorflow import tf


def build_forecast() -> Any:
    layers = tf.keras.layers
    hour = layers.Input((59, 6))
    state = layers.Bidirectional(layers.LSTM(32))(hour)
    return tf.keras.Model(hour, layers.Dense(2)(state))


def build_classification() -> Any:
    layers = tf.keras.layers
    hour = layers.Input((60, 4))
    states = layers.Bidirectional(layers.LSTM(16, return_sequences=True))(hour)
    pooled = layers.Concatenate()([layers.GlobalAveragePooling1D()(states), layers.GlobalMaxPooling1D()(states)])
    return tf.keras.Model(hour, layers.Dense(1, activation="sigmoid")(pooled))


def build_per_step() -> Any:
    layers = tf.keras.layers
    window = layers.Input((60, 6))
    states = layers.Bidirectional(layers.LSTM(32, return_sequences=True))(window)
    return tf.keras.Model(window, layers.Dense(2)(states))


BUILD = {
    "per-step": build_per_step,
    "forecast": build_forecast,
    "classification": build_classification,
}
