"""A task beside the detector's own network: a Bi-LSTM that reads 59 minutes of a device and says the next one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from detectors.minutes.windows import WINDOW_MIN, calendar_features
from detectors.network.layout import Shapes
from fl_device.tasks.fresh_weights import forecast_shapes
from fl_device.tasks.layers import bidirectional, dense, squared_error
from fl_device.tasks.task import Examples, OwnHours, Tensors

READ_MIN: Final = WINDOW_MIN - 1


class Forecast:
    """Input: both scaled channels and the calendar of all minutes but the last. Target: float32[n, 2], the last one's channels."""

    name: Final = "forecast"

    @property
    def shapes(self) -> Shapes:
        return forecast_shapes()

    def output(self, weights: Tensors, inputs: Any) -> Any:
        state, _ = bidirectional(weights, "reader", inputs)
        return dense(weights, "output", state)

    def loss(self, weights: Tensors, inputs: Any, targets: Any) -> Any:
        return squared_error(self.output(weights, inputs), targets)

    def examples(self, hours: OwnHours) -> Examples:
        inputs = np.concatenate([hours.z, calendar_features(hours.event_minute)], axis=-1)
        return Examples(inputs[:, :READ_MIN], hours.z[:, READ_MIN])
