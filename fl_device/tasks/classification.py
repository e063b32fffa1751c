"""A task beside the detector's own network: a classifier of signal quality, whose labels can be flipped.

It tells an hour as it was from one with noise, spikes or a stuck sensor. No device has labelled hours of its own, so each makes
its labels: it disturbs every other hour, by a coin that the hour itself throws. The loss is the Brier score.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from detectors.array_types import Floats32
from detectors.minutes.windows import Z_CLIP
from detectors.network.layout import Shapes
from detectors.training.network.distortions import band_noise, impulses, sample_hold
from detectors.training.tensorflow import tf
from fl_device.tasks.fresh_weights import classification_shapes
from fl_device.tasks.layers import bidirectional, dense, squared_error
from fl_device.tasks.task import Examples, OwnHours, Tensors

DISTURBANCES: Final = (band_noise, impulses, sample_hold)
TRIES: Final = 4
LEAST_CHANGE_Z: Final = 0.9  # root mean square; an hour changed by less is too like itself to be called disturbed


class Classification:
    """Input: both scaled channels and how far each moved since the minute before. Target: float32[n, 1], 1 for a disturbed hour."""

    name: Final = "classification"

    @property
    def shapes(self) -> Shapes:
        return classification_shapes()

    def output(self, weights: Tensors, inputs: Any) -> Any:
        _, states = bidirectional(weights, "reader", inputs)
        pooled = tf.concat([tf.reduce_mean(states, 1), tf.reduce_max(states, 1)], -1)
        return tf.sigmoid(dense(weights, "output", pooled))

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        return squared_error(self.output(weights, inputs), targets)

    def examples(self, hours: OwnHours) -> Examples:
        pairs = [_labelled(window, int(minute[0])) for window, minute in zip(hours.z, hours.event_minute, strict=True)]
        shown = np.array([window for window, _ in pairs], np.float32).reshape(hours.z.shape)
        labels = np.array([[label] for _, label in pairs], np.float32).reshape(-1, 1)
        moved = np.abs(np.diff(shown, axis=1, prepend=shown[:, :1]))
        return Examples(np.concatenate([shown, moved], axis=-1), labels)


def _labelled(window: Floats32, first_event_minute: int) -> tuple[Floats32, float]:
    """Return the hour and 0, or the hour disturbed in one or both channels and 1. The same hour always gives the same."""
    rng = np.random.default_rng([first_event_minute & 0xFFFFFFFF, 5])
    if rng.random() < 0.5:
        return window, 0.0
    for _ in range(TRIES):
        disturb = DISTURBANCES[int(rng.integers(len(DISTURBANCES)))]
        disturbed = window.astype(np.float64)
        for channel in ((0,), (1,), (0, 1))[int(rng.integers(3))]:
            disturbed[:, channel] = disturb(disturbed[:, channel], rng)
        disturbed = np.clip(disturbed, -Z_CLIP, Z_CLIP)
        if np.sqrt(np.square(disturbed - window).mean()) >= LEAST_CHANGE_Z:
            return disturbed.astype(np.float32), 1.0
    return window, 0.0
