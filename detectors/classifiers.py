"""The network that turns residual features into one logit: 64-32-1, ReLU, dropout .1 (the paper's DNN, Sec. V)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.scoring.tensorflow_runtime import tf
from detectors.weight_layout import HIDDEN, classifier_shapes

DROPOUT: Final = 0.1
L2: Final = 1e-4


def build_classifier(feature_count: int) -> Any:
    """Return the untrained Keras model: standardised features float32[B, n] -> logit float32[B, 1] (higher = more anomalous)."""
    layers = tf.keras.layers
    features = layers.Input((feature_count,), name="features")
    hidden = features
    for index, width in enumerate(HIDDEN):
        decay = tf.keras.regularizers.L2(L2)
        hidden = layers.Dense(width, activation="relu", kernel_regularizer=decay, name=f"hidden_{index}")(hidden)
        hidden = layers.Dropout(DROPOUT, name=f"dropout_{index}")(hidden)
    return tf.keras.Model(features, layers.Dense(1, name="logit")(hidden), name="classifier")


def folded_classifier(
    model: Any, feature_mean: NDArray[np.float64], feature_sd: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """Return the weights by name with the standardisation (x - mean)/sd [n] folded into the first layer."""
    weights = dict(zip(classifier_shapes(len(feature_mean)), model.get_weights(), strict=True))
    kernel = weights["hidden_0/kernel"].astype(np.float64) / feature_sd[:, None]
    bias = weights["hidden_0/bias"] - feature_mean @ kernel
    return weights | {"hidden_0/kernel": kernel.astype(np.float32), "hidden_0/bias": bias.astype(np.float32)}
