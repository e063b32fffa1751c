"""The default task: the detector's reference autoencoder learns to rebuild the devices' own clean hours."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.autoencoders.bottleneck import build_bottleneck
from detectors.preprocessing import calendar_features
from detectors.weight_layout import Shapes, autoencoder_shapes
from fl_device.tasks import Examples, NamedWeights


class Reconstruction(NamedWeights):
    """Input: both scaled channels and the calendar; target: the two channels (paper, Sec. V)."""

    name: Final = "reconstruction"

    @property
    def shapes(self) -> Shapes:
        return autoencoder_shapes()

    def build(self) -> Any:
        return build_bottleneck()

    def examples(self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64]) -> Examples:
        return Examples(np.concatenate([window_z, calendar_features(event_minute)], axis=-1), window_z)
