"""Any number of windows through programs of a few fixed batch sizes: padded up, cut above, each size compiled once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN, calendar_features
from detectors.scoring.compiled_chain import INPUT_ROWS

Compile = Callable[[int], Any]


@dataclass(frozen=True, slots=True)
class _Program:
    """A compiled chain and the buffers it reads: window [60, 7, batch] with a row of ones for the biases, RMS [4, batch]."""

    run: Any
    window: NDArray[np.float32]
    residual_rms: NDArray[np.float32]


class FixedBatches:
    """Runs `compile_batch(size)(window, residual_rms)`, whose results have the batch as last axis, on B windows."""

    def __init__(self, compile_batch: Compile, buckets: Sequence[int]) -> None:
        self.buckets = tuple(sorted(buckets))
        self._compile = compile_batch
        self._programs: dict[int, _Program] = {}

    def run(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> list[NDArray[np.float32]]:
        """Return each result with the batch as *first* axis, for B >= 1 windows float32[B, 60, 2], int64[B, 60], [B, 4]."""
        largest = self.buckets[-1]
        parts = [slice(start, start + largest) for start in range(0, len(window_z), largest)]
        chunks = [self._run_chunk(window_z[part], event_minute[part], residual_rms[part]) for part in parts]
        return chunks[0] if len(chunks) == 1 else [np.concatenate(results) for results in zip(*chunks, strict=True)]

    def _run_chunk(
        self,
        window_z: NDArray[np.float32],
        event_minute: NDArray[np.int64],
        residual_rms: NDArray[np.float32],
    ) -> list[NDArray[np.float32]]:
        count = len(window_z)
        program = self._program(next(size for size in self.buckets if size >= count))
        program.window[:, :2, :count] = window_z.transpose(1, 2, 0)
        program.window[:, 2:6, :count] = calendar_features(event_minute).transpose(1, 2, 0)
        program.residual_rms[:, :count] = residual_rms.T
        results = program.run(program.window, program.residual_rms)
        return [result.numpy()[..., :count].T for result in results]

    def _program(self, bucket: int) -> _Program:
        if bucket not in self._programs:
            window = np.zeros((WINDOW_MIN, INPUT_ROWS, bucket), np.float32)
            window[:, -1] = 1.0
            self._programs[bucket] = _Program(self._compile(bucket), window, np.ones((4, bucket), np.float32))
        return self._programs[bucket]
