"""Residual features of any number of windows with a fitted autoencoder: the scorer's own code, stopped before the classifier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.scoring.batches import FixedBatches
from detectors.scoring.compiled_chain import compile_features
from detectors.scoring.folding import fold_autoencoder
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.series import Windows, each

BUCKETS: Final = (32, 512)


class Featuriser:
    """Computes features float32[k, 15] and the RMS of residuals float64[2]."""

    def __init__(self, autoencoder: Mapping[str, NDArray[np.float32]]) -> None:
        matrices = {name: tf.constant(matrix) for name, matrix in fold_autoencoder(autoencoder).items()}
        self._batches = FixedBatches(partial(compile_features, matrices), BUCKETS)

    def features(self, windows: Windows, residual_rms: ArrayLike) -> NDArray[np.float32]:
        """Return the features of k >= 1 windows, residuals measured in the given RMS [2]."""
        return self._batches.run(windows.z, windows.event_minute, each(residual_rms, len(windows)))[1]

    def residual_rms(self, windows: Windows) -> NDArray[np.float64]:
        """Return the RMS of the residuals over k >= 1 windows, per channel."""
        mean_square = self._batches.run(windows.z, windows.event_minute, each(1.0, len(windows)))[0]
        rms: NDArray[np.float64] = np.sqrt(mean_square.astype(np.float64).mean(axis=0))
        return rms
