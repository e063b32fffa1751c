"""A task beside reconstruction: a Bi-LSTM that reads 59 minutes of a device and says the next one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import WINDOW_MIN, calendar_features
from detectors.weight_layout import CHANNELS, INPUTS, UNITS, Shapes, bidirectional_shapes, dense_shapes
from fl_device.layers import bidirectional, dense
from fl_device.tasks import Examples, Tensors

READ_MIN: Final = WINDOW_MIN - 1


class Forecast:
    """Input: both scaled channels and the calendar of all minutes but the last; target: float32[n, 2], the last one's channels."""

    name: Final = "forecast"

    @property
    def shapes(self) -> Shapes:
        return {**bidirectional_shapes("reader", INPUTS, UNITS), **dense_shapes("output", 2 * UNITS, CHANNELS)}

    def output(self, weights: Tensors, inputs: Any) -> Any:
        state, _ = bidirectional(weights, "reader", inputs)
        return dense(weights, "output", state)

    def examples(self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64]) -> Examples:
        inputs = np.concatenate([window_z, calendar_features(event_minute)], axis=-1)
        return Examples(inputs[:, :READ_MIN], window_z[:, READ_MIN])
