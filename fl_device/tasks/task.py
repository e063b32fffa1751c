"""What a federated model learns: the task turns a device's windows into examples and is the network."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from detectors.array_types import Floats32, Ints
from detectors.network.layout import Shapes

Tensors = Mapping[str, Any]
"""A network's weights by name, as TensorFlow sees them."""


@dataclass(frozen=True, slots=True)
class OwnHours:
    """A device's windows in the terms of its own profile.

    `z` float32[n, 60, 2] scaled, `weight` float32[n, 60, 2] (0 = filled in, or beside a cut), `event_minute` int64[n, 60];
    `context` float32[C] and `half_cell` float32[2] (half a grid step in z) are the device's own and the same for all.
    """

    z: Floats32
    weight: Floats32
    event_minute: Ints
    context: Floats32
    half_cell: Floats32

    def __len__(self) -> int:
        return len(self.z)


@dataclass(frozen=True, slots=True)
class Examples:
    """Network inputs float32[n, ...] and targets float32[n, ...], a row a window."""

    inputs: Floats32
    targets: Floats32

    def __len__(self) -> int:
        return len(self.inputs)


class Task(Hashable, Protocol):
    """A kind of federated model: the detector's own network, a forecaster, a label classifier."""

    @property
    def name(self) -> str:
        """The name that round records carry."""

    @property
    def shapes(self) -> Shapes:
        """Name -> shape of the weights, in a fixed order."""

    def output(self, weights: Tensors, inputs: Any) -> Any:
        """Return the network's output for inputs of a known batch size, as part of a TensorFlow program."""

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        """Return float32[B], what each window adds to the loss, as part of a TensorFlow program."""

    def examples(self, hours: OwnHours) -> Examples:
        """Return the examples of a device's windows, in their order."""
