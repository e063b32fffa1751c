"""The paper's own two networks (Sec. V), a Bi-LSTM that rebuilds each minute from its own state and a DNN, and their training.

The detector uses neither: a state that has seen the minute copies it, attacked or not, so what is left over
says little. The paper gives neither the width of the LSTM nor the layers of the DNN; both are the detector's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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


BATCH: Final = 128
INFERENCE_BATCH: Final = 256
LEARNING_RATE: Final = 1e-3  # Keras' default, as the paper names none
LOSSES: Final = {build_per_step: "mse", build_error_classifier: "binary_crossentropy"}

Windows = NDArray[np.float32]
Report = Callable[[float, str], None]
Check = Callable[["Rebuild"], None]
Rebuild = Callable[[Windows], Windows]


@dataclass(frozen=True, slots=True, eq=False)
class FittedPerStep:
    """A trained autoencoder: `rebuild` float32[k, 60, 5] -> the same, and its losses and argmax accuracies by epoch."""

    rebuild: Rebuild
    curves: dict[str, list[float]]  # loss, accuracy and, with validation windows, val_loss, val_accuracy

    def feature_errors(self, windows: Windows) -> NDArray[np.float64]:
        """Return float64[k, 5]: each window's mean squared error over its minutes, by feature."""
        left = (self.rebuild(windows) - windows).astype(np.float64)
        return np.asarray(np.square(left).mean(axis=1))

    def errors(self, windows: Windows) -> NDArray[np.float64]:
        """Return float64[k]: each window's mean squared error over minutes and features (Sec. V-B)."""
        return np.asarray(self.feature_errors(windows).mean(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class FittedClassifier:
    """A trained DNN: `score` float32[k] of standardised errors -> float64[k] of 0..1, and the last epoch's accuracy and loss."""

    score: Callable[[NDArray[np.float32]], NDArray[np.float64]]
    accuracy: float
    loss: float


def fit_per_step(
    trained: Windows, validated: Windows | None, epochs: int, seed: int, report: Report, each_epoch: Check | None = None
) -> FittedPerStep:
    """Train on windows float32[k, 60, 5]. Blocks for minutes. `each_epoch` is given the model so far after every epoch.

    Early stopping is left out: the paper shows its curves to epoch 31.
    """
    model = _untrained(build_per_step, seed)

    def told(epoch: int, logs: dict[str, float]) -> None:
        report((epoch + 1) / epochs, f"loss {logs['loss']:.5f}")
        if each_epoch is not None:
            each_epoch(partial(_rebuilt, model))

    history = model.fit(
        trained,
        trained,
        validation_data=None if validated is None else (validated, validated),
        epochs=epochs,
        batch_size=BATCH,
        callbacks=[tf.keras.callbacks.LambdaCallback(on_epoch_end=told)],
        verbose=0,
    )
    weights = model.get_weights()

    def rebuild(windows: Windows) -> Windows:
        model.set_weights(weights)  # the model is shared with other fits
        return _rebuilt(model, windows)

    return FittedPerStep(rebuild, {name: [float(v) for v in values] for name, values in history.history.items()})


def fit_error_classifier(
    error: NDArray[np.float32], label: NDArray[np.bool_], weight: NDArray[np.float64], epochs: int, seed: int
) -> FittedClassifier:
    """Train on standardised errors float32[n] with labels and weights. Blocks for seconds."""
    model = _untrained(build_error_classifier, seed)
    history = model.fit(
        error[:, None],
        label[:, None].astype(np.float32),
        sample_weight=weight,
        epochs=epochs,
        batch_size=BATCH,
        verbose=0,
    ).history

    weights = model.get_weights()
    return FittedClassifier(partial(_score, weights), float(history["accuracy"][-1]), float(history["loss"][-1]))


def cross_entropy(label: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Return the mean logistic loss of scores 0..1, limited as Keras does."""
    limited = np.clip(score, 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(label, np.log(limited), np.log(1 - limited))))


def _rebuilt(model: Any, windows: Windows) -> Windows:
    """In whole batches, so that one program is compiled."""
    whole = np.resize(windows, (-(-len(windows) // INFERENCE_BATCH) * INFERENCE_BATCH, *windows.shape[1:]))
    return np.asarray(model.predict(whole, batch_size=INFERENCE_BATCH, verbose=0)[: len(windows)], np.float32)


def _score(weights: Sequence[NDArray[np.float32]], errors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The DNN without Keras, which would compile anew for each of a dozen networks."""
    *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
    values = errors[:, None]
    for layer_kernel, layer_bias in hidden:
        values = np.maximum(values @ layer_kernel + layer_bias, 0)
    logit = (values @ kernel + bias)[:, 0].astype(np.float64)
    return np.asarray(0.5 + 0.5 * np.tanh(logit / 2))


def _untrained(build: Callable[[], Any], seed: int) -> Any:
    """A compiled model as if it had just been built with this seed. A study trains a dozen. Compiling each takes longer."""
    model = _compiled(build)
    tf.keras.utils.set_random_seed(seed)
    for kept, fresh in zip(model.variables, build().variables, strict=True):  # weights, and the state of the dropout
        kept.assign(fresh)
    for variable in model.optimizer.variables:
        if variable.path != model.optimizer.learning_rate.path:
            variable.assign(tf.zeros_like(variable))
    tf.keras.utils.set_random_seed(seed)  # the order of the windows must not depend on what was built before
    return model


@cache
def _compiled(build: Callable[[], Any]) -> Any:
    model = build()
    optimizer = tf.keras.optimizers.Adam(LEARNING_RATE)
    model.compile(optimizer=optimizer, loss=LOSSES[build], weighted_metrics=["accuracy"], jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model
