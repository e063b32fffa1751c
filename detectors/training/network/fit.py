"""Fits the network by likelihood on clean windows of many patients, of any populations together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.array_types import Floats, Floats32, Weights
from detectors.baseline.profile import Profile
from detectors.minutes.cleaning import CleanMinutes, on_grid
from detectors.minutes.windows import WINDOW_MIN, scaled
from detectors.network.layout import CONTEXT_REACH, LEAST_CONTEXT_SD, TRAINED
from detectors.training.network.architecture import build_network, load_weights, named_weights, network_inputs
from detectors.training.network.loss import log_probability
from detectors.training.tensorflow import tf

Report = Callable[[float, str], None]

STEPS: Final = 500
BATCH: Final = 256
STRIDE_MIN: Final = 20
LEARNING_RATE: Final = 5e-3
LAST_SHARE: Final = 0.02
LONGEST_GRADIENT: Final = 1.0
REPORT_EVERY: Final = 25


@dataclass(frozen=True, slots=True)
class NetworkWindows:
    """Windows to learn from: `z` and `weight` float32[N, 60, 2], `context` float32[N, 27], `half_cell` float32[N, 2] in z."""

    z: Floats32
    weight: Floats32
    context: Floats32
    half_cell: Floats32

    def __len__(self) -> int:
        return len(self.z)


def training_windows(streams: Iterable[tuple[CleanMinutes, Profile]], stride_min: int = STRIDE_MIN) -> NetworkWindows:
    """Return the windows of clean streams after their enrolment, so many valid minutes apart."""
    return joined([_windows_of(minutes, profile, stride_min) for minutes, profile in streams])


def joined(parts: Sequence[NetworkWindows]) -> NetworkWindows:
    """Return the windows of all parts, of which there is at least one."""
    names = ("z", "weight", "context", "half_cell")
    return NetworkWindows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _windows_of(minutes: CleanMinutes, profile: Profile, stride_min: int) -> NetworkWindows:
    start = profile.enrolment_min
    values = on_grid(minutes.values[start:], profile.grid_bpm)
    z, weight = scaled(values, profile.median, profile.scale), minutes.weight[start:]
    if len(z) < WINDOW_MIN:
        z, weight = np.empty((0, WINDOW_MIN, 2), np.float32), np.empty((0, WINDOW_MIN, 2), np.float32)
    else:
        z, weight = (_cut(array, stride_min) for array in (z, weight))
    half = (0.5 * profile.grid_bpm / profile.scale).astype(np.float32)
    return NetworkWindows(z, weight, np.tile(profile.context, (len(z), 1)), np.tile(half, (len(z), 1)))


def _cut(array: Floats32, stride_min: int) -> Floats32:
    return np.ascontiguousarray(sliding_window_view(array, WINDOW_MIN, axis=0)[::stride_min].transpose(0, 2, 1))


def fit_network(
    windows: NetworkWindows, seed: int, steps: int = STEPS, batch: int = BATCH, report: Report = lambda _, __: None
) -> dict[str, Floats32]:
    """Return the weights by name (`detectors.network.layout`), the same for the same windows and seed on one machine.

    Blocks for a minute or two; `report(share, text)` hears of the loss in nats a value. Raises ValueError when
    there are no windows.
    """
    if not len(windows):
        raise ValueError("no windows to fit the network on")
    tf.keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    context, centre, spread = _standardised(windows.context)
    model = build_network()
    train = _compiled_step(model, steps)
    for step in range(steps):
        rows = np.sort(rng.integers(0, len(windows), batch))
        loss = train(windows.z[rows], windows.weight[rows], context[rows], windows.half_cell[rows])
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
            report((step + 1) / steps, f"{float(loss):.3f} nats a value")
    return {**named_weights(model), "context_mean": centre, "context_sd": spread}


def _standardised(context: Floats32) -> tuple[Floats32, Floats32, Floats32]:
    """Return the context in standard deviations, clipped as the runtime clips it, the mean and the deviation."""
    centre = context.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = (context.std(axis=0, dtype=np.float64) + LEAST_CONTEXT_SD).astype(np.float32)
    return np.clip((context - centre) / spread, -CONTEXT_REACH, CONTEXT_REACH), centre, spread


def _compiled_step(model: Any, steps: int) -> Any:
    """Return a program of one step of Adam on a batch of windows. It returns the loss."""
    rate = tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, LAST_SHARE)
    optimizer = tf.keras.optimizers.Adam(rate, global_clipnorm=LONGEST_GRADIENT)
    optimizer.build(model.trainable_variables)

    def step(z: Any, weight: Any, context: Any, half_cell: Any) -> Any:
        with tf.GradientTape() as tape:
            shift, shape = model([*network_inputs(z, weight), context], training=True)
            log_likelihood = log_probability(z, half_cell, shift, shape)
            counted = weight[:, TRAINED.start : TRAINED.stop]
            loss = -tf.reduce_sum(log_likelihood * counted) / (tf.reduce_sum(counted) + 1.0)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return tf.function(step, autograph=False)


LOSS_BATCH: Final = 512


def window_losses(network: Weights, windows: NetworkWindows) -> Floats:
    """Return float64[N]: the negative log likelihood of a measured value in the minutes 8..57 of each window, in nats.

    It is what training minimises. Blocks for about a second a thousand windows; raises KeyError or ValueError when the
    weights do not fit.
    """
    model = build_network()
    load_weights(model, network)
    deviation = np.maximum(network["context_sd"], np.float32(LEAST_CONTEXT_SD))
    context = np.clip((windows.context - network["context_mean"]) / deviation, -CONTEXT_REACH, CONTEXT_REACH)
    losses = np.empty(len(windows))
    for start in range(0, len(windows), LOSS_BATCH):
        part = slice(start, start + LOSS_BATCH)
        z, weight = tf.constant(windows.z[part]), tf.constant(windows.weight[part])
        shift, shape = model([*network_inputs(z, weight), tf.constant(context[part])], training=False)
        measured = windows.weight[part, TRAINED.start : TRAINED.stop]
        log_likelihood = log_probability(z, windows.half_cell[part], shift, shape).numpy() * measured
        losses[part] = -log_likelihood.sum((1, 2)) / np.maximum(measured.sum((1, 2)), 1)
    return losses
