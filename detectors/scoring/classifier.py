"""The DNNs as they run: 64-32-1 with ReLU in plain numpy (trained with Keras in `training`), each the mean of a few members."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Floats, Floats32, Weights
from detectors.scoring.tails import fast_columns, slow_columns
from detectors.statistics.base import SLOW_MIN
from detectors.statistics.registry import columns

HIDDEN: Final = (64, 32)
R_CLIP: Final = 6.0
U_CLIP: Final = 12.0
NAMES: Final = ("fast", "slow")
MEMBERS: Final = 3
"""Networks in each DNN, trained alike from different first weights: the mean of their logits depends less on the seed than one does."""


def inputs(r: Floats, u: Floats, slow_u: Floats) -> dict[str, Floats32]:
    """Return what each DNN reads, float32[R, *]: statistics of up to three hours, or of six, and how rare they are."""
    slow = np.array([column.minutes == SLOW_MIN for column in columns()])
    own = (np.clip(r, -R_CLIP, R_CLIP) / 2).astype(np.float32)
    rare, slow_rare = ((np.sqrt(np.minimum(part, U_CLIP)) - 0.6).astype(np.float32) for part in (u, slow_u))
    return {
        "fast": np.concatenate([own[:, ~slow], rare], axis=1),
        "slow": np.concatenate([own[:, slow], slow_rare, rare], axis=1),
    }


def input_sizes() -> dict[str, int]:
    """Return how many numbers each DNN reads."""
    slow = sum(column.minutes == SLOW_MIN for column in columns())
    fast = len(columns()) - slow
    return {"fast": fast + len(fast_columns()), "slow": slow + len(slow_columns()) + len(fast_columns())}


def classifier_shapes(size: int) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of a DNN's weights, a member a first place, in the order of Keras' `get_weights()`."""
    widths = (size, *HIDDEN, 1)
    names = ("hidden_0", "hidden_1", "logit")
    shapes: dict[str, tuple[int, ...]] = {}
    for name, before, after in zip(names, widths[:-1], widths[1:], strict=True):
        shapes |= {f"{name}/kernel": (MEMBERS, before, after), f"{name}/bias": (MEMBERS, after)}
    return shapes


def logit(weights: Weights, read: Floats32) -> Floats:
    """Return the members' mean logit float64[R] (higher = more anomalous) of inputs float32[R, k]."""
    hidden = read.astype(np.float64)[None]
    for name in ("hidden_0", "hidden_1"):
        hidden = np.maximum(hidden @ weights[f"{name}/kernel"] + weights[f"{name}/bias"][:, None], 0)
    logits = hidden @ weights["logit/kernel"] + weights["logit/bias"][:, None]
    return np.asarray(logits[..., 0].mean(axis=0))
