"""The tasks that devices learn together, and how good a global model is on hours of a device that nobody trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceProfile
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import WINDOW_MIN, calendar_features, cut_windows, usable_window_ends
from detectors.network.layout import CHANNELS, TRAINED, UNITS, Shapes, bidirectional_shapes, dense_shapes
from detectors.training.tensorflow import tf
from experiments.paper.accuracy import tolerance_accuracy
from fl_device.tasks.classification import Classification
from fl_device.tasks.forecast import Forecast
from fl_device.tasks.fresh_weights import FORECAST_INPUTS
from fl_device.tasks.layers import bidirectional, dense, squared_error
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import Examples, OwnHours, Task, Tensors
from fl_device.training.own_windows import TrainingWindows, own_hours
from replay.recording import Recording
from transport.blobs.weights import Weights


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Clean windows of a device: `values` float32[n, m, 2] in bpm and breaths/min, network inputs, targets in its own units."""

    values: NDArray[np.float32]
    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    median: NDArray[np.float64]
    scale: NDArray[np.float64]


def windows_from(recording: Recording, first_event_minute: int, stride: int) -> TrainingWindows:
    """Return every `stride`-th usable window of a recording that ends at that event minute or later."""
    known = clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)
    ends = usable_window_ends(known)
    ends = ends[known.event_minute[ends] >= first_event_minute][::stride]
    values, minutes = cut_windows(known, ends)
    rows = ends[:, None] + np.arange(1 - WINDOW_MIN, 1)
    return TrainingWindows(values, minutes, known.weight[rows])


def held_out(task: Task, windows: TrainingWindows, profile: DeviceProfile, minutes: range | None = None) -> HeldOut:
    """Return windows as a task sees them. Of the targets only those `minutes` that its network speaks of (None: all)."""
    examples = task.examples(own_hours(windows, profile))
    values, targets = windows.values, examples.targets
    if minutes is not None:
        values, targets = (array[:, minutes.start : minutes.stop] for array in (values, targets))
    return HeldOut(values, examples.inputs, targets, np.array(profile.median), np.array(profile.scale))


class Measure:
    """Answers with any weights of one task's network. Compiled once for each number of windows."""

    def __init__(self, task: Task, agreement: Callable[[HeldOut, NDArray[np.float32]], float]) -> None:
        self._agreement = agreement
        self._answer = tf.function(task.output, autograph=False)

    def loss_and_accuracy(self, weights: Weights, data: HeldOut) -> tuple[float, float]:
        """Return the mean squared error in the task's own units, and the share of answers that are right."""
        tensors = {name: tf.constant(array) for name, array in weights.items()}
        output: Any = self._answer(tensors, tf.constant(data.inputs)).numpy()
        return float(np.square(output - data.targets).mean()), self._agreement(data, output)


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
