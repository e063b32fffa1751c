"""Fit the classifier on labelled rows: standardised features, weighted logistic loss, Adam with a cosine from 2e-3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers import build_classifier, folded_classifier
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.labelled_rows import LabelledRows

BATCH: Final = 512
LEARNING_RATE: Final = 2e-3

Report = Callable[[float, str], None]


def fit_classifier(rows: LabelledRows, epochs: int, report: Report) -> dict[str, NDArray[np.float32]]:
    """Return the trained weights by name, standardisation folded in; `report(share, text)` hears of every epoch."""
    mean, sd = rows.features.mean(axis=0, dtype=np.float64), rows.features.std(axis=0, dtype=np.float64) + 1e-6
    features = ((rows.features - mean) / sd).astype(np.float32)
    model = build_classifier(features.shape[1])
    steps = max(len(rows) // BATCH, 1)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * steps)),
        loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=True,
    )
    tell = tf.keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: report((epoch + 1) / epochs, f"loss {logs['loss']:.4f}")
    )
    model.fit(_shuffled(features, rows), epochs=epochs, callbacks=[tell], shuffle=False, verbose=0)
    return folded_classifier(model, mean, sd)


def _shuffled(features: NDArray[np.float32], rows: LabelledRows) -> Any:
    data = tf.data.Dataset.from_tensor_slices((features, rows.label[:, None], rows.weight))
    return data.shuffle(len(rows), reshuffle_each_iteration=True).batch(BATCH, drop_remainder=True).prefetch(2)
