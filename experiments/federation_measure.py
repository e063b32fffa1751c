"""How good the global model is on hours of a device that nobody trained on: its error, and the share of right answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceProfile
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import WINDOW_MIN, cut_windows, usable_window_ends
from detectors.training.tensorflow import tf
from fl_device.tasks.task import Task
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
    """Return windows as a task sees them; of the targets only those `minutes` that its network speaks of (None: all)."""
    examples = task.examples(own_hours(windows, profile))
    values, targets = windows.values, examples.targets
    if minutes is not None:
        values, targets = (array[:, minutes.start : minutes.stop] for array in (values, targets))
    return HeldOut(values, examples.inputs, targets, np.array(profile.median), np.array(profile.scale))


class Measure:
    """Answers with any weights of one task's network; compiled once for each number of windows."""

    def __init__(self, task: Task, agreement: Callable[[HeldOut, NDArray[np.float32]], float]) -> None:
        self._agreement = agreement
        self._answer = tf.function(task.output, autograph=False)

    def loss_and_accuracy(self, weights: Weights, data: HeldOut) -> tuple[float, float]:
        """Return the mean squared error in the task's own units, and the share of answers that are right."""
        tensors = {name: tf.constant(array) for name, array in weights.items()}
        output: Any = self._answer(tensors, tf.constant(data.inputs)).numpy()
        return float(np.square(output - data.targets).mean()), self._agreement(data, output)
