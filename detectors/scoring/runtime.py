"""Score windows with a bundle: any number at once, padded to a few fixed batch sizes that compile once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle
from detectors.preprocessing import WINDOW_MIN
from detectors.scoring.batches import FixedBatches
from detectors.scoring.compiled_chain import compile_chain
from detectors.scoring.folding import Folded, fold_autoencoder, fold_classifier
from detectors.scoring.tensorflow_runtime import tf

BUCKETS: Final = (1, 8, 32, 128, 512)


@dataclass(frozen=True, slots=True)
class WindowScores:
    """`mean_squared_residual` float32[B, 2] per channel in scaled units, `logit` float32[B] (higher = more anomalous)."""

    mean_squared_residual: NDArray[np.float32]
    logit: NDArray[np.float32]


class WindowScorer:
    """The compiled chain of one bundle. Blocks while it computes; owned by one thread.

    A batch size compiles on its first use (about half a second each); `warm` compiles ahead.
    """

    def __init__(self, bundle: Bundle, buckets: Sequence[int] = BUCKETS) -> None:
        self._autoencoder = _variables(fold_autoencoder(bundle.autoencoder))
        self._classifier = _variables(fold_classifier(bundle.classifier))
        self._batches = FixedBatches(partial(compile_chain, self._autoencoder, self._classifier), buckets)

    def score(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> WindowScores:
        """Score B >= 0 windows: scaled channels float32[B, 60, 2], event minutes int64[B, 60], usual RMS float32[B, 2]."""
        if not len(window_z):
            return WindowScores(np.empty((0, 2), np.float32), np.empty(0, np.float32))
        mean_square, logit = self._batches.run(window_z, event_minute, residual_rms)
        return WindowScores(mean_square, logit)

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the given batch sizes (default: all) by scoring empty windows."""
        for bucket in buckets or self._batches.buckets:
            zero = np.zeros((bucket, WINDOW_MIN, 2), np.float32)
            self.score(zero, np.zeros((bucket, WINDOW_MIN), np.int64), np.ones((bucket, 2), np.float32))

    def swap(self, bundle: Bundle) -> None:
        """Score with another bundle of the same architecture from now on; nothing is compiled again."""
        for variables, folded in (
            (self._autoencoder, fold_autoencoder(bundle.autoencoder)),
            (self._classifier, fold_classifier(bundle.classifier)),
        ):
            for name, matrix in folded.items():
                variables[name].assign(matrix)


def _variables(folded: Folded) -> dict[str, Any]:
    return {name: tf.Variable(matrix, trainable=False) for name, matrix in folded.items()}
