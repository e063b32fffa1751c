"""The classifier networks as they run: three small dense networks in plain numpy (trained in `classifiers`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LARGEST_LOGIT: Final = 15.0


def logit(weights: Mapping[str, Floats], inputs: Floats) -> Floats:
    """Return the logit float32[B] (higher = more anomalous) of inputs float32[B, k]; ReLU between the layers."""
    hidden = inputs
    for name in ("hidden_0", "hidden_1"):
        hidden = np.maximum(hidden @ weights[f"{name}/kernel"] + weights[f"{name}/bias"], np.float32(0))
    found = (hidden @ weights["logit/kernel"] + weights["logit/bias"])[:, 0]
    limited: Floats = np.clip(found, -LARGEST_LOGIT, LARGEST_LOGIT)
    return limited
