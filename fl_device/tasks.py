"""What a federated model learns: the task turns a device's windows into examples and is the network."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.weight_layout import Shapes

Tensors = Mapping[str, Any]
"""A network's weights by name, as TensorFlow sees them."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Network inputs float32[n, minutes, features] and targets float32[n, ...], a row a window."""

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.inputs)


class Task(Hashable, Protocol):
    """A kind of federated model: the reference autoencoder's reconstruction, a forecaster, a label classifier (`named_tasks`)."""

    @property
    def name(self) -> str:
        """The name that round records carry."""

    @property
    def shapes(self) -> Shapes:
        """Name -> shape of the weights, in a fixed order."""

    def output(self, weights: Tensors, inputs: Any) -> Any:
        """Return the network's output for inputs of a known batch size, as part of a TensorFlow program."""

    def examples(self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64]) -> Examples:
        """Return the examples of scaled windows float32[n, 60, 2] with their event minutes int64[n, 60]."""
