"""What a federated model learns: the task turns a device's windows into examples and builds the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.weight_layout import Shapes
from transport.weights import Weights


@dataclass(frozen=True, slots=True)
class Examples:
    """Network inputs float32[n, minutes, features] and targets float32[n, ...], a row a window."""

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.inputs)


class Task(Protocol):
    """A kind of federated model: the reference autoencoder's reconstruction, a forecaster, a label classifier (`named_tasks`)."""

    @property
    def name(self) -> str:
        """The name that round records carry."""

    @property
    def shapes(self) -> Shapes:
        """Name -> shape of the weights, in the order of Keras' `get_weights()`."""

    def build(self) -> Any:
        """Return a fresh Keras model; imports TensorFlow, takes seconds."""

    def weights_of(self, model: Any) -> Weights:
        """Return the model's weights by name, float32."""

    def load_weights(self, model: Any, weights: Weights) -> None:
        """Put weights into the model; raises KeyError or ValueError when they do not fit."""

    def examples(self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64]) -> Examples:
        """Return the examples of scaled windows float32[n, 60, 2] with their event minutes int64[n, 60]."""


class NamedWeights(ABC):
    """What a task does with weights once it says their names: the same for every Keras model."""

    @property
    @abstractmethod
    def shapes(self) -> Shapes:
        """See `Task`."""

    def weights_of(self, model: Any) -> Weights:
        return dict(zip(self.shapes, model.get_weights(), strict=True))

    def load_weights(self, model: Any, weights: Weights) -> None:
        model.set_weights([weights[name] for name in self.shapes])
