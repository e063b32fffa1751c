"""Fit an autoencoder on clean windows: Huber(2), Adam with a cosine from 3e-3, early stopping on patients held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.autoencoders import blind_spot, bottleneck
from detectors.knowledge import ENROLMENTS_MIN
from detectors.preprocessing import calendar_features
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.cohort import Stay
from detectors.training.series import Scale, ScaledWindows, own_scale, rows_of, windows_between
from detectors.weight_layout import UNITS

BATCH: Final = 128
STRIDE: Final = 8
LEARNING_RATE: Final = 3e-3
PATIENCE: Final = 5
HELD_OUT_EVERY: Final = 8

Report = Callable[[float, str], None]
BUILDERS: Final[Mapping[str, tuple[Callable[[int], Any], Callable[[Any], dict[str, NDArray[np.float32]]]]]] = {
    "bottleneck": (bottleneck.build_bottleneck, bottleneck.named_weights),
    "blind_spot": (blind_spot.build_blind_spot, blind_spot.named_weights),
}


@dataclass(frozen=True, slots=True)
class FittedAutoencoder:
    """Weights by name, the windows trained on, epochs run, and the held-out Huber loss."""

    weights: dict[str, NDArray[np.float32]]
    windows: int
    epochs: int
    loss: float


def fit_autoencoder(
    name: str, reference: Sequence[Stay], population: Scale, epochs: int, seed: int, report: Report, units: int = UNITS
) -> FittedAutoencoder:
    """Train the autoencoder of that name (see `weight_layout.AUTOENCODERS`) on the reference patients' clean hours, in each device's own scale and in the population's.

    Every eighth patient is held out for early stopping. Blocks for minutes; `report(share, text)` hears of every epoch.
    """
    held_out = [stay for index, stay in enumerate(reference) if index % HELD_OUT_EVERY == 0]
    trained = [stay for index, stay in enumerate(reference) if index % HELD_OUT_EVERY]
    inputs, targets = _examples(trained, population)
    tf.keras.utils.set_random_seed(seed)
    build, named_weights = BUILDERS[name]
    model = _compiled(build(units), max(epochs * (len(inputs) // BATCH), 1))
    stop = tf.keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
    tell = tf.keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: report((epoch + 1) / epochs, f"held-out loss {logs['val_loss']:.4f}")
    )
    whole = len(inputs) // BATCH * BATCH  # one batch size, so one compiled program
    history = model.fit(
        _shuffled(inputs, targets, whole),
        validation_data=_batches(*_examples(held_out, population)),
        epochs=epochs,
        callbacks=[stop, tell],
        shuffle=False,  # the data set shuffles itself
        verbose=0,
    )
    losses = history.history["val_loss"]
    return FittedAutoencoder(named_weights(model), len(inputs), len(losses), float(min(losses)))


def _compiled(model: Any, steps: int) -> Any:
    model.compile(
        optimizer=tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        loss=tf.keras.losses.Huber(2.0),
        jit_compile=False,  # XLA's gradient of a loop is a quarter slower here
    )
    return model


def _examples(stays: Sequence[Stay], population: Scale) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    parts = [windows for stay in stays for windows in _clean_windows(stay, population)]
    z = np.concatenate([part.z for part in parts])
    event_minute = np.concatenate([part.event_minute for part in parts])
    return np.concatenate([z, calendar_features(event_minute)], axis=-1), z


def _clean_windows(stay: Stay, population: Scale) -> list[ScaledWindows]:
    """All hours in the scale of each enrolment length, and the first day's in the population's, where devices enrol."""
    rows = rows_of(stay.recording)
    frozen = [windows_between(rows, own_scale(rows, length), 0, len(rows), 2 * STRIDE) for length in ENROLMENTS_MIN]
    return [*frozen, windows_between(rows, population, 0, ENROLMENTS_MIN[-1], STRIDE)]


def _shuffled(inputs: NDArray[np.float32], targets: NDArray[np.float32], whole: int) -> Any:
    data = tf.data.Dataset.from_tensor_slices((inputs, targets)).shuffle(len(inputs), reshuffle_each_iteration=True)
    return data.take(whole).batch(BATCH, drop_remainder=True).prefetch(2)


def _batches(inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> Any:
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(BATCH, drop_remainder=True)
