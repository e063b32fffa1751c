"""Fit one classifier network: standardised inputs, weighted logistic loss, Adam with a cosine, seeded shuffles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers import build_classifier, folded_classifier
from detectors.scoring.tensorflow_runtime import tf

BATCH: Final = 512
LEARNING_RATE: Final = 2e-3

Floats = NDArray[np.float32]
Report = Callable[[float, str], None]


def fit_network(
    inputs: Floats, label: Floats, weight: Floats, *, epochs: int, seed: int, report: Report
) -> dict[str, Floats]:
    """Return the trained weights by name, the standardisation of the inputs folded in; `report(share, text)` hears of every epoch."""
    tf.keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    mean, sd = inputs.mean(axis=0, dtype=np.float64), inputs.std(axis=0, dtype=np.float64) + 1e-3
    model = build_classifier(inputs.shape[1])
    steps = max(len(inputs) // BATCH, 1)
    train = _compiled_step(model, epochs * steps)
    shift, scale = mean.astype(np.float32), sd.astype(np.float32)
    for epoch in range(epochs):
        order = rng.permutation(len(inputs))
        total = 0.0
        for start in range(0, steps * BATCH, BATCH):
            chosen = np.sort(order[start : start + BATCH])
            total += float(train((inputs[chosen] - shift) / scale, label[chosen], weight[chosen]))
        report((epoch + 1) / epochs, f"loss {total / steps:.4f}")
    return folded_classifier(model, mean, sd)


def _compiled_step(model: Any, steps: int) -> Any:
    optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    optimizer.build(model.trainable_variables)

    def step(inputs: Any, label: Any, weight: Any) -> Any:
        with tf.GradientTape() as tape:
            logit = model(inputs, training=True)[:, 0]
            each = tf.nn.sigmoid_cross_entropy_with_logits(label, logit)
            loss = tf.reduce_sum(weight * each) / tf.reduce_sum(weight) + sum(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return tf.function(step, reduce_retracing=True)
