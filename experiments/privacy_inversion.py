"""From an update back to the hours it was learnt from: what a coordinator that is curious could try.

The attacker knows the weights, the settings, the windows' times, the bound and the strength of the noise, not the device's scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import CHANNELS, LATENT
from experiments.privacy_gradients import SIZES, Floats, WindowGradients, tensors

UNKNOWNS: Final = WINDOW_MIN * CHANNELS
PRIOR_CORRELATION: Final = 0.95  # of a minute with the next, in scaled units of variance 1: any ward's vital signs
FLOAT_ERROR: Final = 1e-5  # of a gradient in float32, relative to its root mean square
SHORTENED: Final = np.geomspace(1.0, 0.01, 32)  # how much clipping may have shortened an update


@dataclass(frozen=True, slots=True)
class Seen:
    """What the coordinator sees: minus an update, float32[d], in units of the gradient if nothing shortened it; `noise` its deviation."""

    direction: Floats
    noise: float = 0.0


class SingleWindow:
    """Finds the one window whose gradient explains what was seen. Blocks for a part of a second, after compiling.

    All steps of the decoder read the same latent z, so its kernel's gradient is z times its bias' (Zhu et al., NeurIPS 2019, need a
    search for this; Geiping et al., NeurIPS 2020, Prop. 3.1 show it for dense layers). With z known, what the decoder rebuilds is
    known, and the rest of the gradient is linear in the window: least squares, with what is known of vital signs beforehand.
    """

    def __init__(self, gradients: WindowGradients, weights: Floats) -> None:
        self._gradients, self._weights = gradients, weights
        self._precision = _prior_precision()

    def invert(self, seen: Seen, calendar: Floats) -> Floats:
        """Return the window float32[60, 2] in scaled units; `calendar` float32[60, 4].

        How much the update was shortened is tried out: the answer is the window whose whole gradient points where the update points.
        """
        rebuilt, slopes = self._linear(_latent(seen.direction))
        found = seen.direction[-len(slopes) :].astype(np.float64)
        normal, towards = slopes.T @ slopes, slopes.T @ found
        deviation = max(seen.noise, FLOAT_ERROR * float(np.sqrt(np.mean(found**2))))
        candidates = []
        for factor in SHORTENED:
            certainty = (factor / deviation) ** 2
            pull = towards / factor * certainty - self._precision @ rebuilt
            candidates.append(rebuilt + np.linalg.solve(normal * certainty + self._precision, pull))
        windows = np.reshape(candidates, (-1, WINDOW_MIN, CHANNELS)).astype(np.float32)
        each, _ = self._gradients.whole(self._weights, windows, np.repeat(calendar[None], len(windows), axis=0))
        best: Floats = windows[int(np.argmin([cosine_distance(one, seen)[0] for one in each]))]
        return best

    def _linear(self, latent: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what is rebuilt from z, float64[120], and the decoder's gradient a unit of the window above it, float64[k, 120]."""
        latents = np.repeat(latent[None], UNKNOWNS + 1, axis=0)
        nothing = np.zeros((UNKNOWNS + 1, WINDOW_MIN, CHANNELS), np.float32)
        rebuilt = self._gradients.decoder(self._weights, latents, nothing)[1][0]
        above = np.concatenate([np.zeros((1, UNKNOWNS)), np.eye(UNKNOWNS)]).reshape(nothing.shape)
        found = self._gradients.decoder(self._weights, latents, (rebuilt + above).astype(np.float32))[0]
        exact = found.astype(np.float64)
        return rebuilt.astype(np.float64).ravel(), (exact[1:] - exact[0]).T


class ManyWindows:
    """Finds as many windows as it is given calendars, whose mean gradient points where an update points. Blocks.

    Adam on the windows, the cosine distance of gradients as the loss (Geiping et al., NeurIPS 2020), a tensor at a time.
    """

    def __init__(self, gradients: WindowGradients, weights: Floats, steps: int, step_size: float = 0.1) -> None:
        self._gradients, self._weights, self._steps, self._step_size = gradients, weights, steps, step_size

    def invert(self, seen: Seen, calendar: Floats, seed: int) -> Floats:
        """Return windows float32[n, 60, 2] in scaled units; it starts near the median, by the seed."""
        start = 0.3 * np.random.default_rng(seed).standard_normal((len(calendar), WINDOW_MIN, CHANNELS))
        windows = tf.Variable(start.astype(np.float32))
        optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(self._step_size, self._steps))
        best, least = start.astype(np.float32), np.inf
        for _ in range(self._steps):
            now: Floats = windows.numpy()
            distance, slope = self._slope(seen, now, calendar)
            if distance < least:
                best, least = now, distance
            optimizer.apply([tf.constant(slope)], [windows])
        return best

    def _slope(self, seen: Seen, windows: Floats, calendar: Floats) -> tuple[float, Floats]:
        """Return the distance and its slope on the windows: how their own slopes change along the distance's, by a difference."""
        each, on_window = self._gradients.whole(self._weights, windows, calendar)
        distance, along = cosine_distance(each.mean(axis=0), seen)
        step = np.float32(1e-3 * np.linalg.norm(self._weights) / max(float(np.linalg.norm(along)), 1e-20))
        _, moved = self._gradients.whole(self._weights + step * along, windows, calendar)
        slope: Floats = (moved - on_window) / (step * len(windows))
        return distance, slope


def cosine_distance(gradient: Floats, seen: Seen) -> tuple[float, Floats]:
    """Return the sum over tensors of 1 - cosine and its slope on the gradient float32[d]; a tensor counts by its share of signal."""
    ends = np.cumsum(SIZES)[:-1]
    distance, slopes = 0.0, []
    for mine, theirs in zip(np.split(gradient, ends), np.split(seen.direction, ends), strict=True):
        lengths = max(float(np.linalg.norm(mine)), 1e-12), max(float(np.linalg.norm(theirs)), 1e-12)
        signal = max(1e-3, 1 - len(theirs) * (seen.noise / lengths[1]) ** 2)
        cosine = float(mine @ theirs) / (lengths[0] * lengths[1])
        distance += signal * (1 - cosine)
        slopes.append(signal * (cosine * mine / lengths[0] - theirs / lengths[1]) / lengths[0])
    return distance, np.concatenate(slopes).astype(np.float32)


def _latent(direction: Floats) -> Floats:
    """Return z, float32[8]: the decoder kernel's gradient over its bias', in least squares."""
    named: dict[str, NDArray[Any]] = tensors(direction)
    kernel = np.concatenate([named["decoder/forward/kernel"], named["decoder/backward/kernel"]], axis=1)
    bias = np.concatenate([named["decoder/forward/bias"], named["decoder/backward/bias"]])
    assert kernel.shape == (LATENT, len(bias))
    latent: Floats = (kernel @ bias / max(float(bias @ bias), 1e-20)).astype(np.float32)
    return latent


def _prior_precision() -> NDArray[np.float64]:
    """Return the inverse covariance float64[120, 120] of two channels that each keep most of a minute's value in the next."""
    minutes = np.arange(WINDOW_MIN)
    covariance: NDArray[np.float64] = PRIOR_CORRELATION ** np.abs(minutes[:, None] - minutes)
    return np.asarray(np.kron(np.linalg.inv(covariance), np.eye(CHANNELS)), np.float64)
