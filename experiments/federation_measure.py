"""How good the global model is on hours of a device that nobody trained on: its loss, and the share of answers that are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import cut_windows, scaled, usable_window_ends
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.series import rows_of
from experiments.federation_plan import Plan
from experiments.federation_timeline import Timeline
from fl_device.tasks import Task
from replay.recording import Recording
from transport.weights import Weights

STRIDE_MIN: Final = 12


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Clean windows of a device's last hours: `values` float32[n, 60, 2] in bpm and breaths/min, network inputs, targets in its own units."""

    values: NDArray[np.float32]
    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    median: NDArray[np.float64]
    scale: NDArray[np.float64]


def held_out(task: Task, recording: Recording, line: Timeline, plan: Plan) -> HeldOut:
    """Return the windows of the recording's tail, a stride apart, none of which reaches into what was trained on."""
    rows = rows_of(recording)
    ends = usable_window_ends(rows)
    first = recording.first_event_minute + plan.minutes - plan.tail_min + 60
    ends = ends[rows.event_minute[ends] >= first][::STRIDE_MIN]
    values, minutes = cut_windows(rows, ends)
    examples = task.examples(scaled(values, line.median, line.scale), minutes)
    return HeldOut(values, examples.inputs, examples.targets, np.array(line.median), np.array(line.scale))


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
