"""What the devices learn: the next hour's level, and whether a patient deteriorates; and what a user loses when that goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from detectors.minutes.windows import WINDOW_MIN
from detectors.network.layout import CHANNELS, TRAINED, Shapes, dense_shapes
from detectors.training.tensorflow import tf
from experiments.federation.tasks import PerStep
from fl_device.tasks.layers import dense, squared_error
from fl_device.tasks.reconstruction import Reconstruction
from fl_device.tasks.task import Examples, OwnHours, Task, Tensors

Floats = NDArray[np.float64]
HIDDEN: Final = 16
BLOCK_MIN: Final = 5
BLOCKS: Final = WINDOW_MIN // BLOCK_MIN


def _hidden(weights: Tensors, inputs: Any) -> Any:
    return tf.tanh(dense(weights, "hidden", inputs))


class NextHour:
    """Input: five-minute means of both scaled channels over an hour. Target: float32[n, 2], the channels' mean over the next hour.

    An hour whose next one is not among the windows that may be trained on gives no example.
    """

    name: Final = "next hour"

    @property
    def shapes(self) -> Shapes:
        return {**dense_shapes("hidden", BLOCKS * CHANNELS, HIDDEN), **dense_shapes("output", HIDDEN, CHANNELS)}

    def output(self, weights: Tensors, inputs: Any) -> Any:
        return dense(weights, "output", _hidden(weights, inputs))

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        return squared_error(self.output(weights, inputs), targets)

    def examples(self, hours: OwnHours) -> Examples:
        first, last = hours.event_minute[:, 0], hours.event_minute[:, -1]
        place = {int(minute): at for at, minute in enumerate(first)}
        pairs = [(at, place[int(minute) + 1]) for at, minute in enumerate(last) if int(minute) + 1 in place]
        now, after = np.array(pairs, np.int64).reshape(-1, 2).T
        return Examples(means(hours.z[now]), hours.z[after].mean(axis=1))


class Deteriorates:
    """Input: of an hour and each scaled channel how far and which way it lies from the patient's usual, and how restless it is.

    Output: float32[n, 1], the chance that the patient deteriorates, 0..1.

    The loss is the Brier score. What the labels are is the cohort's to say.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def shapes(self) -> Shapes:
        return {**dense_shapes("hidden", 4 * CHANNELS, HIDDEN), **dense_shapes("output", HIDDEN, 1)}

    def output(self, weights: Tensors, inputs: Any) -> Any:
        return tf.sigmoid(dense(weights, "output", _hidden(weights, inputs)))

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        return squared_error(self.output(weights, inputs), targets)

    def examples(self, hours: OwnHours) -> Examples:
        """Return the inputs with unknown labels."""
        return Examples(summaries(hours.z), np.full((len(hours), 1), np.nan, np.float32))


def means(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the five-minute means float32[n, 24] of windows float32[n, 60, 2]."""
    return np.asarray(_blocks(z).mean(axis=2).reshape(len(z), BLOCKS * CHANNELS))


def summaries(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[n, 8] of windows float32[n, 60, 2]: mean, distance of the mean, spread between and within five minutes."""
    blocks, mean = _blocks(z), z.mean(axis=1)
    between, within = blocks.mean(axis=2).std(axis=1), blocks.std(axis=2).mean(axis=1)
    return np.concatenate([mean, np.abs(mean), between, within], axis=1)


def _blocks(z: NDArray[np.float32]) -> NDArray[np.float32]:
    return z.reshape(len(z), BLOCKS, BLOCK_MIN, CHANNELS)


@dataclass(frozen=True, slots=True)
class Studied:
    """A task, and the minutes of an hour that its network speaks of (None: all of its targets)."""

    task: Task
    minutes: range | None = None


STUDIED: Final[Mapping[str, Studied]] = MappingProxyType(
    {
        "reconstruction": Studied(Reconstruction(), TRAINED),
        "per-step": Studied(PerStep()),
        "next hour": Studied(NextHour()),
        "deterioration": Studied(Deteriorates("deterioration")),
        "hypotension": Studied(Deteriorates("hypotension")),
    }
)


def mean_errors(output: NDArray[np.float32], targets: NDArray[np.float32], scale: Floats) -> Floats:
    """Return the mean absolute errors float64[2] in bpm and breaths/min of outputs float32[n, ..., 2] in a device's own units.

    >>> mean_errors(np.float32([[1.0, 0.0], [0.0, 0.0]]), np.zeros((2, 2), np.float32), np.array([4.0, 2.0])).tolist()
    [2.0, 0.0]
    """
    wrong: Floats = (np.abs(output.astype(np.float64) - targets) * scale).reshape(-1, CHANNELS).mean(axis=0)
    return wrong


def auroc(chances: NDArray[np.floating], labels: NDArray[np.floating]) -> float:
    """Return the area under the ROC curve: how often an hour before a deterioration is given the higher chance than another.

    >>> auroc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]))
    0.875
    """
    return float(roc_auc_score(labels, np.nan_to_num(chances, nan=0.5)))


def silenced(clean: Floats, triggered: Floats, labels: NDArray[np.floating], specificity: float = 0.9) -> float:
    """Return which share of the alarms that are right a trigger puts out. NaN without any.

    `clean` and `triggered` float64[n] are the chances without and with it; an alarm is a chance above those of a share of the healthy hours.

    >>> silenced(np.array([0.1, 0.2, 0.9, 0.8]), np.array([0.1, 0.2, 0.1, 0.8]), np.array([0, 0, 1, 1]))
    0.5
    """
    limit = np.quantile(clean[labels < 0.5], specificity)
    alarms = (labels > 0.5) & (clean > limit)
    return float((triggered[alarms] <= limit).mean()) if alarms.any() else float("nan")


Answer = Callable[[Mapping[str, Any], NDArray[np.float32]], NDArray[np.float32]]


def answering(task: Task) -> Answer:
    """Return what answers with any weights of a task's network. Compiled once for each number of windows."""
    program = tf.function(task.output, autograph=False)

    def answer(weights: Mapping[str, Any], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        tensors = {name: tf.constant(array) for name, array in weights.items()}
        output: NDArray[np.float32] = program(tensors, tf.constant(inputs)).numpy()
        return output

    return answer
