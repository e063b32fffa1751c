"""What the study's federations learn: the product's tasks and the paper's own network, and when an answer counts as right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.weight_layout import CHANNELS, INPUTS, UNITS, Shapes, bidirectional_shapes, dense_shapes
from experiments.federation_measure import HeldOut
from experiments.paper_accuracy import tolerance_accuracy
from fl_device.classification import Classification
from fl_device.forecast import Forecast
from fl_device.layers import bidirectional, dense
from fl_device.reconstruction import Reconstruction
from fl_device.tasks import Task, Tensors


class PerStep(Reconstruction):
    """Reconstruction by the paper's own network (Sec. V): each minute from that minute's two states, without a bound.

    The examples are those of the reference network, so that the two differ in nothing but the network.
    """

    name = "per-step"  # type: ignore[misc]

    @property
    def shapes(self) -> Shapes:
        return {**bidirectional_shapes("both_directions", INPUTS, UNITS), **dense_shapes("output", 2 * UNITS, CHANNELS)}

    def output(self, weights: Tensors, inputs: Any) -> Any:
        _, states = bidirectional(weights, "both_directions", inputs)
        return dense(weights, "output", states)


Agreement = Callable[[HeldOut, NDArray[np.float32]], float]  # (what was held out, the network's output) -> share 0..1


def rebuilt_within_tolerance(data: HeldOut, output: NDArray[np.float32]) -> float:
    """Return the share of rebuilt minutes within tolerance (Sec. VIII-B)."""
    return tolerance_accuracy(data.values, output * data.scale + data.median)


def next_within_tolerance(data: HeldOut, output: NDArray[np.float32]) -> float:
    """Return the share of forecast minutes within tolerance."""
    return tolerance_accuracy(data.values[:, -1], output * data.scale + data.median)


def labels_right(data: HeldOut, output: NDArray[np.float32]) -> float:
    """Return the share of hours that were told right."""
    return float(((output > 0.5) == (data.targets > 0.5)).mean())


STUDIED: Final[Mapping[str, tuple[Task, Agreement]]] = MappingProxyType(
    {
        "reconstruction": (Reconstruction(), rebuilt_within_tolerance),
        "per-step": (PerStep(), rebuilt_within_tolerance),
        "forecast": (Forecast(), next_within_tolerance),
        "classification": (Classification(), labels_right),
    }
)
