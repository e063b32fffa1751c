"""Score windows with a bundle: any number at once, padded to a few fixed batch sizes that compile once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle
from detectors.preprocessing import WINDOW_MIN, calendar_features
from detectors.scoring.compiled_chain import INPUT_ROWS, compile_chain
from detectors.scoring.folding import Folded, fold_autoencoder, fold_classifier
from detectors.scoring.tensorflow_runtime import tf

BUCKETS: Final = (1, 8, 32, 128, 512)


@dataclass(frozen=True, slots=True)
class WindowScores:
    """`mean_squared_residual` float32[B, 2] per channel in scaled units, `logit` float32[B] (higher = more anomalous)."""

    mean_squared_residual: NDArray[np.float32]
    logit: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Program:
    """A compiled chain for one batch size and the buffers it reads; the row of ones carries the biases."""

    score: Any
    window: NDArray[np.float32]
    residual_rms: NDArray[np.float32]


class WindowScorer:
    """The compiled chain of one bundle. Blocks while it computes; owned by one thread.

    A batch size compiles on its first use (about half a second each); `warm` compiles ahead.
    """

    def __init__(self, bundle: Bundle, buckets: Sequence[int] = BUCKETS) -> None:
        self._buckets = tuple(sorted(buckets))
        self._autoencoder = _variables(fold_autoencoder(bundle.autoencoder))
        self._classifier = _variables(fold_classifier(bundle.classifier))
        self._programs: dict[int, _Program] = {}

    def score(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> WindowScores:
        """Score B >= 0 windows: scaled channels float32[B, 60, 2], event minutes int64[B, 60], usual RMS float32[B, 2]."""
        count = len(window_z)
        mean_square, logit = np.empty((count, 2), np.float32), np.empty(count, np.float32)
        largest = self._buckets[-1]
        for start in range(0, count, largest):
            part = slice(start, min(start + largest, count))
            mean_square[part], logit[part] = self._score_chunk(window_z[part], event_minute[part], residual_rms[part])
        return WindowScores(mean_square, logit)

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the given batch sizes (default: all) by scoring empty windows."""
        for bucket in buckets or self._buckets:
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

    def _score_chunk(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        count = len(window_z)
        program = self._program(next(size for size in self._buckets if size >= count))
        program.window[:, :2, :count] = window_z.transpose(1, 2, 0)
        program.window[:, 2:6, :count] = calendar_features(event_minute).transpose(1, 2, 0)
        program.residual_rms[:, :count] = residual_rms.T
        mean_square, logit = program.score(program.window, program.residual_rms)
        return mean_square.numpy()[:, :count].T, logit.numpy()[:count]

    def _program(self, bucket: int) -> _Program:
        if bucket not in self._programs:
            window = np.zeros((WINDOW_MIN, INPUT_ROWS, bucket), np.float32)
            window[:, -1] = 1.0
            chain = compile_chain(self._autoencoder, self._classifier, bucket)
            self._programs[bucket] = _Program(chain, window, np.ones((2, bucket), np.float32))
        return self._programs[bucket]


def _variables(folded: Folded) -> dict[str, Any]:
    return {name: tf.Variable(matrix, trainable=False) for name, matrix in folded.items()}
