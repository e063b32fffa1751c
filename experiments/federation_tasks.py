"""What the study's federations learn: the product's tasks and the paper's own network, and when an answer counts as right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.minutes.windows import calendar_features
from detectors.network.layout import CHANNELS, TRAINED, UNITS, Shapes, bidirectional_shapes, dense_shapes
from experiments.federation_measure import HeldOut
from experiments.paper_accuracy import tolerance_accuracy
from fl_device.classification import Classification
from fl_device.forecast import Forecast
from fl_device.fresh_weights import FORECAST_INPUTS
from fl_device.layers import bidirectional, dense, squared_error
from fl_device.reconstruction import Reconstruction
from fl_device.tasks import Examples, OwnHours, Task, Tensors


class PerStep:
    """The paper's own network (Sec. V): each minute is rebuilt from that minute's two states, without a bound."""

    name: Final = "per-step"

    @property
    def shapes(self) -> Shapes:
        return {
            **bidirectional_shapes("both_directions", FORECAST_INPUTS, UNITS),
            **dense_shapes("output", 2 * UNITS, CHANNELS),
        }

    def output(self, weights: Tensors, inputs: Any) -> Any:
        _, states = bidirectional(weights, "both_directions", inputs)
        return dense(weights, "output", states)

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        return squared_error(self.output(weights, inputs), targets)

    def examples(self, hours: OwnHours) -> Examples:
        return Examples(np.concatenate([hours.z, calendar_features(hours.event_minute)], axis=-1), hours.z)


Agreement = Callable[[HeldOut, NDArray[np.float32]], float]
"""(what was held out, the network's output) -> share 0..1 of answers that are right."""


@dataclass(frozen=True, slots=True)
class Studied:
    """A task, when its answers are right, and the minutes of an hour that its network speaks of (None: all, or none)."""

    task: Task
    agreement: Agreement
    minutes: range | None = None


def minutes_within_tolerance(data: HeldOut, output: NDArray[np.float32]) -> float:
    """Return the share of minutes within tolerance (Sec. VIII-B)."""
    return tolerance_accuracy(data.values, output * data.scale + data.median)


def next_within_tolerance(data: HeldOut, output: NDArray[np.float32]) -> float:
    """Return the share of forecast minutes within tolerance."""
    return tolerance_accuracy(data.values[:, -1], output * data.scale + data.median)


def labels_right(data: HeldOut, output: NDArray[np.float32]) -> float:
    """Return the share of hours that were told right."""
    return float(((output > 0.5) == (data.targets > 0.5)).mean())


STUDIED: Final[Mapping[str, Studied]] = MappingProxyType(
    {
        "reconstruction": Studied(Reconstruction(), minutes_within_tolerance, TRAINED),
        "per-step": Studied(PerStep(), minutes_within_tolerance),
        "forecast": Studied(Forecast(), next_within_tolerance),
        "classification": Studied(Classification(), labels_right),
    }
)
