"""Rebuild windows with a bundle's autoencoders: any number at once, padded to a few fixed batch sizes that compile once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.batches import FixedBatches
from detectors.scoring.compiled_chain import compiled_chain
from detectors.scoring.folding import Folded, fold_autoencoder, fold_blind_spot
from detectors.scoring.tensorflow_runtime import tf

BUCKETS: Final = (1, 8, 32, 128, 512)

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Residuals:
    """`mean_square` float32[B, 4] in scaled units (bottleneck HR, RR, blind spot HR, RR), `features` float32[B, 30]."""

    mean_square: NDArray[np.float32]
    features: NDArray[np.float32]


class Rebuilding(Protocol):
    """What rebuilds windows: `Reconstructor`, or what an exported model is run by."""

    def residuals(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> Residuals:
        """See `Reconstructor.residuals`."""
        ...


class Reconstructor:
    """Both autoencoders, compiled. Blocks while it computes; owned by one thread.

    A batch size compiles on its first use in the process, whatever bundle it is (about two seconds each); `warm` compiles ahead.
    """

    def __init__(self, bottleneck: Weights, blind_spot: Weights, buckets: Sequence[int] = BUCKETS) -> None:
        self.swap(bottleneck, blind_spot)
        self._batches = FixedBatches(self._score, buckets)

    def residuals(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> Residuals:
        """Rebuild B >= 0 windows: scaled channels float32[B, 60, 2], event minutes int64[B, 60], usual RMS float32[B, 4]."""
        if not len(window_z):
            return Residuals(np.empty((0, 4), np.float32), np.empty((0, 30), np.float32))
        mean_square, features = self._batches.run(window_z, event_minute, residual_rms)
        return Residuals(mean_square, features)

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the given batch sizes (default: all) by rebuilding empty windows."""
        for bucket in buckets or self._batches.buckets:
            zero = np.zeros((bucket, WINDOW_MIN, 2), np.float32)
            self.residuals(zero, np.zeros((bucket, WINDOW_MIN), np.int64), np.ones((bucket, 4), np.float32))

    def swap(self, bottleneck: Weights, blind_spot: Weights) -> None:
        """Rebuild with other weights from now on; of the same architecture, nothing is compiled again."""
        self._bottleneck = _tensors(fold_autoencoder(bottleneck))
        self._blind_spot = _tensors(fold_blind_spot(blind_spot))

    def _score(self, window: NDArray[np.float32], residual_rms: NDArray[np.float32]) -> Any:
        return compiled_chain(window.shape[-1])(self._bottleneck, self._blind_spot, window, residual_rms)


def _tensors(folded: Folded) -> dict[str, Any]:
    return {name: tf.constant(matrix) for name, matrix in folded.items()}
