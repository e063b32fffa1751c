"""A task beside reconstruction: a Bi-LSTM that tells an hour as it was from one that was bent; its labels can be flipped.

No device has labelled attacks of its own, so each makes its labels: it bends every other hour (by a coin that the hour itself
throws) with the distortions that the detector's own networks learn from. The loss is the Brier score.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN, Z_CLIP, calendar_features
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.distortions import DISTORTIONS
from detectors.weight_layout import INPUTS, Shapes, bidirectional, dense
from fl_device.tasks import Examples
from transport.weights import Weights

UNITS: Final = 16
LEAST_CHANGE_Z: Final = 0.5  # root mean square; an hour bent by less is too like itself to be called bent


class Classification:
    """Input: both scaled channels and the calendar; target: float32[n, 1], 1 for an hour that was bent."""

    name: Final = "classification"

    @property
    def shapes(self) -> Shapes:
        return {**bidirectional("reader", INPUTS, UNITS), **dense("output", 2 * UNITS, 1)}

    def build(self) -> Any:
        layers = tf.keras.layers
        hour = layers.Input((WINDOW_MIN, INPUTS), name="hour")
        state = layers.Bidirectional(layers.LSTM(UNITS), name="reader")(hour)
        return tf.keras.Model(hour, layers.Dense(1, activation="sigmoid", name="output")(state), name=self.name)

    def weights_of(self, model: Any) -> Weights:
        return dict(zip(self.shapes, model.get_weights(), strict=True))

    def load_weights(self, model: Any, weights: Weights) -> None:
        model.set_weights([weights[name] for name in self.shapes])

    def examples(self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64]) -> Examples:
        pairs = [_labelled(window, int(minute[0])) for window, minute in zip(window_z, event_minute, strict=True)]
        shown = np.array([window for window, _ in pairs], np.float32).reshape(window_z.shape)
        labels = np.array([[label] for _, label in pairs], np.float32).reshape(-1, 1)
        return Examples(np.concatenate([shown, calendar_features(event_minute)], axis=-1), labels)


def _labelled(window: NDArray[np.float32], first_event_minute: int) -> tuple[NDArray[np.float32], float]:
    """Return the hour and 0, or the hour bent in one or both channels and 1; the same hour always gives the same."""
    rng = np.random.default_rng([first_event_minute & 0xFFFFFFFF, 5])
    if rng.random() < 0.5:
        return window, 0.0
    bent = window.astype(np.float64)
    bend = DISTORTIONS[int(rng.integers(len(DISTORTIONS)))]
    for channel in ((0,), (1,), (0, 1))[int(rng.integers(3))]:
        bent[:, channel] = bend(bent[:, channel], rng)
    bent = np.clip(bent, -Z_CLIP, Z_CLIP)
    changed = float(np.sqrt(np.square(bent - window).mean()))
    return (bent.astype(np.float32), 1.0) if changed >= LEAST_CHANGE_Z else (window, 0.0)
