"""From an update back to the hours it was learnt from: what a coordinator that is curious could try.

The attacker knows the weights, the settings, the windows' times and which of their minutes were measured, the device's
context and grid, the bound and the strength of the noise; not the device's scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.minutes.windows import WINDOW_MIN
from detectors.network.layout import CHANNELS
from detectors.training.tensorflow import tf
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import OwnHours
from transport.blobs.weights import Weights

Floats = NDArray[np.float32]
TASK: Final = Reconstruction()
SHAPES: Final = TASK.shapes
SIZES: Final = [int(np.prod(shape)) for shape in SHAPES.values()]


@dataclass(frozen=True, slots=True)
class SideInformation:
    """What the attacker is told of n windows: which values were measured, their minutes, the device's context and grid.

    `weight` float32[n, 60, 2], `event_minute` int64[n, 60], `context` float32[27], `half_cell` float32[2] in scaled units.
    """

    weight: Floats
    event_minute: NDArray[np.int64]
    context: Floats
    half_cell: Floats

    def part(self, chosen: NDArray[np.int64]) -> SideInformation:
        """Return what is known of the windows at these places."""
        return SideInformation(self.weight[chosen], self.event_minute[chosen], self.context, self.half_cell)

    def hours(self, z: Floats) -> OwnHours:
        """Return windows float32[n, 60, 2] in scaled units as the task takes them."""
        return OwnHours(z, self.weight, self.event_minute, self.context, self.half_cell)


def flat(weights: Weights) -> Floats:
    """Return the network's weights as float32[d], in the order of its layout."""
    return np.concatenate([np.asarray(weights[name], np.float32).ravel() for name in SHAPES])


def gradients(weights: Floats, z: Floats, known: SideInformation) -> tuple[Floats, Floats]:
    """Return the mean loss' gradient on the weights float32[d] and on the windows float32[n, 60, 2].

    A window is both what is read and what is to be expected. Blocks; the first call with a number of windows
    compiles for seconds.
    """
    inputs = TASK.examples(known.hours(z)).inputs
    rest = tf.constant(inputs[:, z[0].size :])
    on_weights, on_windows = _program()(tf.constant(weights), tf.constant(z), rest)
    return on_weights.numpy(), on_windows.numpy()


@cache
def _program() -> Any:
    return tf.function(_both, jit_compile=True, autograph=False)


def _both(vector: Any, z: Any, rest: Any) -> tuple[Any, Any]:
    with tf.GradientTape() as tape:
        tape.watch([vector, z])
        parts = zip(SHAPES.items(), tf.split(vector, SIZES), strict=True)
        named = {name: tf.reshape(part, shape) for (name, shape), part in parts}
        inputs = tf.concat([tf.reshape(z, (z.shape[0], -1)), rest], 1)
        loss = tf.reduce_mean(TASK.loss(named, inputs, z))
    on_weights, on_windows = tape.gradient(loss, [vector, z])
    return on_weights, on_windows


STEP_SIZE: Final = 0.1
ROUGHNESS_COST: Final = 0.5
"""Of a mean squared step from minute to minute, beside the distance of gradients: vital signs are smooth."""
SMOOTHNESS: Final = 0.95
"""Correlation of a minute with the next in the first guess: any ward's vital signs, in scaled units."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the coordinator sees: minus an update, float32[d], of whatever length. `noise` its noise's deviation."""

    direction: Floats
    noise: float = 0.0


def inverted(seen: Seen, weights: Floats, known: SideInformation, steps: int, seed: int) -> Floats:
    """Return the windows float32[n, 60, 2] in scaled units whose mean gradient points where an update points. Blocks.

    As many as are `known`. Adam on the windows, the cosine distance of gradients as the loss (Geiping et al.,
    NeurIPS 2020), a tensor at a time, and a small price of rough courses; it starts from a random course near the median, by the seed.
    """
    start = _first_guess(len(known.weight), seed)
    windows = tf.Variable(start)
    optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(STEP_SIZE, steps))
    best, least = start, np.inf
    for _ in range(steps):
        now: Floats = windows.numpy()
        distance, slope = _slope(seen, weights, now, known)
        step = np.diff(now, axis=1)
        roughness = ROUGHNESS_COST * np.square(step).mean()
        if distance + roughness < least:
            best, least = now, distance + roughness
        rough = np.diff(np.pad(step, ((0, 0), (1, 1), (0, 0))), axis=1)
        slope = slope - (2 * ROUGHNESS_COST / step.size) * rough
        optimizer.apply([tf.constant(slope)], [windows])
    return best


def _slope(seen: Seen, weights: Floats, windows: Floats, known: SideInformation) -> tuple[float, Floats]:
    """Return the distance and its slope on the windows: how their own slopes change along the distance's, by a difference."""
    on_weights, on_windows = gradients(weights, windows, known)
    distance, along = cosine_distance(on_weights, seen)
    step = np.float32(1e-3 * np.linalg.norm(weights) / max(float(np.linalg.norm(along)), 1e-20))
    _, moved = gradients(weights + step * along, windows, known)
    slope: Floats = (moved - on_windows) / step
    return distance, slope


def cosine_distance(gradient: Floats, seen: Seen) -> tuple[float, Floats]:
    """Return the sum over tensors of 1 - cosine and its slope on the gradient float32[d]. A tensor counts by its share of signal."""
    ends = np.cumsum(SIZES)[:-1]
    distance = 0.0
    slopes: list[NDArray[np.floating]] = []
    for mine, theirs in zip(np.split(gradient, ends), np.split(seen.direction, ends), strict=True):
        if not theirs.any():  # what nobody trains says nothing
            slopes.append(np.zeros_like(mine))
            continue
        lengths = max(float(np.linalg.norm(mine)), 1e-12), max(float(np.linalg.norm(theirs)), 1e-12)
        signal = max(1e-3, 1 - len(theirs) * (seen.noise / lengths[1]) ** 2)
        cosine = float(mine @ theirs) / (lengths[0] * lengths[1])
        distance += signal * (1 - cosine)
        slopes.append(signal * (cosine * mine / lengths[0] - theirs / lengths[1]) / lengths[0])
    return distance, np.concatenate(slopes).astype(np.float32)


def _first_guess(count: int, seed: int) -> Floats:
    steps = np.random.default_rng(seed).standard_normal((count, WINDOW_MIN, CHANNELS))
    course = np.empty_like(steps)
    course[:, 0] = steps[:, 0]
    for minute in range(1, WINDOW_MIN):
        course[:, minute] = SMOOTHNESS * course[:, minute - 1] + np.sqrt(1 - SMOOTHNESS**2) * steps[:, minute]
    return (0.3 * course).astype(np.float32)
