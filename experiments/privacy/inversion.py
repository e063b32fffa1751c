"""From an update back to the hours it was learnt from: what a coordinator that is curious could try.

The attacker knows the weights, the settings, the windows' times and which of their minutes were measured, the device's
context and grid, the bound and the strength of the noise; not the device's scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.minutes.windows import WINDOW_MIN
from detectors.network.layout import CHANNELS
from detectors.training.tensorflow import tf
from experiments.privacy.gradients import SIZES, Floats, Known, gradients

STEP_SIZE: Final = 0.1
ROUGHNESS_COST: Final = 0.5
"""Of a mean squared step from minute to minute, beside the distance of gradients: vital signs are smooth."""
SMOOTHNESS: Final = 0.95
"""Correlation of a minute with the next in the first guess: any ward's vital signs, in scaled units."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the coordinator sees: minus an update, float32[d], of whatever length; `noise` its noise's deviation."""

    direction: Floats
    noise: float = 0.0


def inverted(seen: Seen, weights: Floats, known: Known, steps: int, seed: int) -> Floats:
    """Return the windows float32[n, 60, 2] in scaled units whose mean gradient points where an update points; blocks.

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


def _slope(seen: Seen, weights: Floats, windows: Floats, known: Known) -> tuple[float, Floats]:
    """Return the distance and its slope on the windows: how their own slopes change along the distance's, by a difference."""
    on_weights, on_windows = gradients(weights, windows, known)
    distance, along = cosine_distance(on_weights, seen)
    step = np.float32(1e-3 * np.linalg.norm(weights) / max(float(np.linalg.norm(along)), 1e-20))
    _, moved = gradients(weights + step * along, windows, known)
    slope: Floats = (moved - on_windows) / step
    return distance, slope


def cosine_distance(gradient: Floats, seen: Seen) -> tuple[float, Floats]:
    """Return the sum over tensors of 1 - cosine and its slope on the gradient float32[d]; a tensor counts by its share of signal."""
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
