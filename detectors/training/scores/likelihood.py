"""How well a network's densities fit windows that it was not trained on."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.network.layout import CONTEXT_REACH, LEAST_CONTEXT_SD, TRAINED, Weights
from detectors.training.network.architecture import build_network, load_weights, network_inputs
from detectors.training.network.fit import NetworkWindows
from detectors.training.network.loss import log_probability
from detectors.training.tensorflow import tf
from detectors.types import Floats

BATCH: Final = 512


def window_losses(network: Weights, windows: NetworkWindows) -> Floats:
    """Return float64[N]: the negative log likelihood of a measured value in the minutes 8..57 of each window, in nats.

    It is what training minimises. Blocks for about a second a thousand windows; raises KeyError or ValueError when the
    weights do not fit.
    """
    model = build_network()
    load_weights(model, network)
    deviation = np.maximum(network["context_sd"], np.float32(LEAST_CONTEXT_SD))
    context = np.clip((windows.context - network["context_mean"]) / deviation, -CONTEXT_REACH, CONTEXT_REACH)
    losses = np.empty(len(windows))
    for start in range(0, len(windows), BATCH):
        part = slice(start, start + BATCH)
        z, weight = tf.constant(windows.z[part]), tf.constant(windows.weight[part])
        shift, shape = model([*network_inputs(z, weight), tf.constant(context[part])], training=False)
        measured = windows.weight[part, TRAINED.start : TRAINED.stop]
        found = log_probability(z, windows.half_cell[part], shift, shape).numpy() * measured
        losses[part] = -found.sum((1, 2)) / np.maximum(measured.sum((1, 2)), 1)
    return losses
