"""The default task: the detector's reference autoencoder learns to rebuild the devices' own clean hours."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN, calendar_features
from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import REACH_Z, Shapes, autoencoder_shapes
from fl_device.layers import bidirectional, bidirectional_held, dense
from fl_device.tasks import Examples, Tensors


class Reconstruction:
    """Input: both scaled channels and the calendar; target: the two channels (paper, Sec. V)."""

    name: Final = "reconstruction"

    @property
    def shapes(self) -> Shapes:
        return autoencoder_shapes()

    def output(self, weights: Tensors, inputs: Any) -> Any:
        """See `detectors.autoencoders.bottleneck`, whose network this is."""
        state, _ = bidirectional(weights, "encoder", inputs)
        _, states = bidirectional_held(weights, "decoder", dense(weights, "latent", state), WINDOW_MIN)
        return REACH_Z * tf.tanh(dense(weights, "output", states))

    def examples(self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64]) -> Examples:
        return Examples(np.concatenate([window_z, calendar_features(event_minute)], axis=-1), window_z)
