"""Label flip: an attack on the labels that a device trains with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from detectors.array_types import Bools

NAME: Final = "label-flip"
SUMMARY: Final = "training labels turned round; the vital signs stay as they are"
SHARE_BY_LEVEL: Final[Mapping[str, float]] = MappingProxyType({"subtle": 0.1, "medium": 0.3, "strong": 1.0})


@dataclass(frozen=True, slots=True, eq=False)
class FlippedLabels:
    """Labels after the attack, of the dtype they had, and its exact truth: `flipped` bool[n]."""

    labels: NDArray[Any]
    flipped: Bools


def describe(level: str) -> str:
    """The level in words, or Misconfigured listing the levels."""
    return f"share flipped {_share(level):g} of labels"


def flip_labels(labels: NDArray[Any], level: str, seed: int = 0) -> FlippedLabels:
    """Turn 0 into 1 and 1 into 0 for the level's share of the labels, at least one of them.

    `labels` is of shape [n] and holds 0 and 1 (bool, integer or float); it is not changed. The same seed flips the same
    labels, and a higher level flips these and more. Raises Misconfigured for other labels, levels or seeds.
    """
    share = _share(level)
    if seed < 0:
        raise Misconfigured(f"{NAME}: seed {seed}; a seed is 0 or above")
    if labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise Misconfigured(f"{NAME} turns labels of 0 and 1, an array of one dimension; got shape {labels.shape}")
    flipped = np.zeros(len(labels), dtype=np.bool_)
    count = max(1, round(share * len(labels)))
    flipped[np.random.default_rng(seed).permutation(len(labels))[:count]] = True
    return FlippedLabels(np.where(flipped, labels == 0, labels).astype(labels.dtype), flipped)


def _share(level: str) -> float:
    if level not in SHARE_BY_LEVEL:
        raise Misconfigured(f"{NAME} has no level {level!r}; its levels are {', '.join(SHARE_BY_LEVEL)}")
    return SHARE_BY_LEVEL[level]
