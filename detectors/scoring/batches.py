"""Any number of windows through a program of a few fixed batch sizes: cut above, padded up, each size compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN, calendar_features
from detectors.scoring.compiled_chain import INPUT_ROWS

WORTH_PADDING: Final = 0.25  # of a batch filled; with less, several of the next smaller size take less time
Floats = NDArray[np.float32]
Score = Callable[[Floats, Floats], Any]


@dataclass(frozen=True, slots=True)
class _Buffers:
    """What a batch is given in: window [60, 7, batch] with a row of ones for the biases, RMS [4, batch]."""

    window: Floats
    residual_rms: Floats


class FixedBatches:
    """Runs `score(window, residual_rms)`, whose results have the batch as last axis, on B windows."""

    def __init__(self, score: Score, buckets: Sequence[int]) -> None:
        self.buckets = tuple(sorted(buckets))
        self._score = score
        self._buffers: dict[int, _Buffers] = {}

    def run(self, window_z: Floats, event_minute: NDArray[np.int64], residual_rms: Floats) -> list[Floats]:
        """Return each result with the batch as *first* axis, for B >= 1 windows float32[B, 60, 2], int64[B, 60], [B, 4]."""
        parts = [
            self._run_part(bucket, window_z[part], event_minute[part], residual_rms[part])
            for part, bucket in parts_of(len(window_z), self.buckets)
        ]
        return parts[0] if len(parts) == 1 else [np.concatenate(results) for results in zip(*parts, strict=True)]

    def _run_part(
        self, bucket: int, window_z: Floats, event_minute: NDArray[np.int64], residual_rms: Floats
    ) -> list[Floats]:
        count = len(window_z)
        if bucket not in self._buffers:
            self._buffers[bucket] = _buffers(bucket)
        buffers = self._buffers[bucket]
        buffers.window[:, :2, :count] = window_z.transpose(1, 2, 0)
        buffers.window[:, 2:6, :count] = calendar_features(event_minute).transpose(1, 2, 0)
        buffers.residual_rms[:, :count] = residual_rms.T
        return [result.numpy()[..., :count].T for result in self._score(buffers.window, buffers.residual_rms)]


def parts_of(count: int, buckets: Sequence[int]) -> Iterator[tuple[slice, int]]:
    """Yield slices of so many windows, each with the batch size (of rising `buckets`) that runs it."""
    start = 0
    while start < count:
        left = count - start
        place = next((place for place, size in enumerate(buckets) if size >= left), len(buckets) - 1)
        if place and left < WORTH_PADDING * buckets[place]:
            place -= 1
        yield slice(start, min(count, start + buckets[place])), buckets[place]
        start += buckets[place]


def _buffers(bucket: int) -> _Buffers:
    window = np.zeros((WINDOW_MIN, INPUT_ROWS, bucket), np.float32)
    window[:, -1] = 1.0
    return _Buffers(window, np.ones((4, bucket), np.float32))
