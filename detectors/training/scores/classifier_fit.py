"""Fits a DNN (64-32-1) on rows of decisions: weighted cross-entropy, Adam with decay and a cosine rate, seeded."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np

from detectors.array_types import Floats32
from detectors.scoring.classifier import HIDDEN, MEMBERS, classifier_shapes
from detectors.training.tensorflow import tf

EPOCHS: Final = 2
BATCH: Final = 1024
RATE: Final = 2e-3
DECAY: Final = 3e-4
DROPOUT: Final = 0.1
_DROPPED_BYTES: Final = round(256 * DROPOUT)
_HIDDEN_UNITS: Final = sum(HIDDEN) * MEMBERS


class LabelledRows(NamedTuple):
    """What a DNN learns from: `read` float32[R, k], `attacked` float32[R] (1 or 0), `weight` float32[R]."""

    read: Floats32
    attacked: Floats32
    weight: Floats32


class _Program(NamedTuple):
    members: list[Any]
    optimizer: Any
    step: Any


def fit_classifier(rows: LabelledRows, seed: int, epochs: int = EPOCHS, batch: int = BATCH) -> dict[str, Floats32]:
    """Return the members' weights by name (`scoring.classifier`), the same for the same rows and seed on one machine.

    Blocks for a second or two. Raises ValueError when one of the labels is missing.
    """
    if not 0 < rows.attacked.sum() < len(rows.attacked):
        raise ValueError("clean and attacked rows are both needed to fit a classifier")
    rng = np.random.default_rng(seed)
    batch = min(batch, len(rows.read))
    program = _program(rows.read.shape[1])
    _begin_anew(program, rng)
    weight = (rows.weight / rows.weight.mean()).astype(np.float32)
    steps, done = len(rows.read) // batch * epochs, 0
    for _ in range(epochs):
        order = rng.permutation(len(rows.read))
        for start in range(0, len(order) - batch + 1, batch):
            at = order[start : start + batch]
            rate = np.float32(RATE * 0.5 * (1 + np.cos(np.pi * done / steps)))
            noise = np.frombuffer(rng.bytes(batch * _HIDDEN_UNITS), np.uint8).reshape(batch, _HIDDEN_UNITS)
            program.step(rows.read[at], rows.attacked[at], weight[at], rate, noise)
            done += 1
    return _named(program)


def _begin_anew(program: _Program, rng: np.random.Generator) -> None:
    """Draw the weights as He et al. do for ReLU, biases 0, and forget the moments of the last fit."""
    for member in program.members:
        member.set_weights([
            (rng.standard_normal(array.shape) * np.sqrt(2 / array.shape[0]) * (array.ndim > 1)).astype(np.float32)
            for array in member.get_weights()
        ])  # fmt: skip
    for variable in program.optimizer.variables:
        variable.assign(tf.zeros_like(variable))


def _named(program: _Program) -> dict[str, Floats32]:
    arrays = (
        np.stack(of_members) for of_members in zip(*(member.get_weights() for member in program.members), strict=True)
    )
    return dict(zip(classifier_shapes(1), arrays, strict=True))


@cache
def _program(size: int) -> _Program:
    """Return the members of so many inputs and one compiled step of all of them, made once a process."""
    layers = tf.keras.layers
    members = [
        tf.keras.Sequential([
            layers.Input((size,)), *(layers.Dense(width, activation="relu") for width in HIDDEN), layers.Dense(1),
        ]) for _ in range(MEMBERS)
    ]  # fmt: skip
    variables = [variable for member in members for variable in member.trainable_variables]
    optimizer = tf.keras.optimizers.AdamW(RATE, weight_decay=DECAY, epsilon=1e-8)
    optimizer.build(variables)

    def step(read: Any, attacked: Any, weight: Any, rate: Any, noise: Any) -> None:
        with tf.GradientTape() as tape:
            logits = tf.concat(
                [_logit(member, read, own) for member, own in zip(members, _masks(noise), strict=True)], 1
            )
            wrong = tf.nn.sigmoid_cross_entropy_with_logits(tf.repeat(attacked[:, None], MEMBERS, 1), logits)
            loss = tf.reduce_sum(wrong * weight[:, None]) / tf.reduce_sum(weight)
        optimizer.learning_rate.assign(rate)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    vector, scalar = tf.TensorSpec((None,), tf.float32), tf.TensorSpec((), tf.float32)
    drawn = tf.TensorSpec((None, _HIDDEN_UNITS), tf.uint8)
    signature = (tf.TensorSpec((None, size), tf.float32), vector, vector, scalar, drawn)
    return _Program(members, optimizer, tf.function(step, autograph=False, input_signature=signature))


def _masks(noise: Any) -> list[list[Any]]:
    """Return each member's dropout factors of its hidden layers, of bytes [B, units]: drawing them outside is much faster."""
    kept = tf.cast(noise >= _DROPPED_BYTES, tf.float32) / (1 - _DROPPED_BYTES / 256)
    parts = tf.split(kept, list(HIDDEN) * MEMBERS, axis=1)
    return [parts[start : start + len(HIDDEN)] for start in range(0, len(parts), len(HIDDEN))]


def _logit(member: Any, read: Any, masks: list[Any]) -> Any:
    *hidden, last = member.layers
    for layer, mask in zip(hidden, masks, strict=True):
        read = layer(read) * mask
    return last(read)
