"""What stands in for a device's vitals, detector and network: a least-squares problem of its own, solved in NumPy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from detectors.network.layout import CONTEXT_STATISTICS
from fl_device.training.course import Course, LocalResult
from transport.blobs.weights import Weights

SPREAD: Final = 0.05
STEP: Final = 0.3
WINDOWS: Final = 40


@dataclass(frozen=True, slots=True)
class Point:
    """Where one device's loss is least: weights of its own, by its name, as far apart as SPREAD says."""

    device_id: str

    def __len__(self) -> int:
        return WINDOWS

    def distance(self, weights: Weights) -> Weights:
        """Return how far each trained weight is from there."""
        own = np.random.default_rng(crc32(self.device_id.encode()))
        return {
            name: weights[name] - own.normal(0, SPREAD, weights[name].shape).astype(np.float32)
            for name in sorted(weights.keys() - CONTEXT_STATISTICS)
        }


class LeastSquares:
    """Stands where a host has its detector and its trainer. `train_s`: for so long each training takes, as a slow host's would."""

    def __init__(self, train_s: float = 0.0) -> None:
        self._train_s = train_s

    def examples(self, device_id: str) -> Point:
        """Return what a device trains on."""
        return Point(device_id)

    def held_out(self, device_id: str) -> Point:
        """Return what a device measures models on."""
        return Point(device_id)

    def train(self, weights: Weights, examples: Point, course: Course) -> LocalResult:
        """Go STEP of the way to the device's own point: one step of gradient descent on the mean squared distance. Blocks."""
        started = time.perf_counter()
        time.sleep(self._train_s)
        distance = examples.distance(weights)
        moved = {
            name: weights[name] - np.float32(STEP) * distance[name] if name in distance else weights[name]
            for name in weights
        }
        before, after = (self.loss(each, examples, course.batch_size) for each in (weights, moved))
        return LocalResult(moved, len(examples), before, after, time.perf_counter() - started)

    def loss(self, weights: Weights, examples: Point, _batch_size: int) -> float:
        """Return the mean squared distance."""
        distances = examples.distance(weights).values()
        return float(np.mean(np.square(np.concatenate([each.ravel() for each in distances]))))
