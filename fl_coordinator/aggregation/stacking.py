"""Updates as one matrix, in which every rule computes, and the way back to named weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fl_coordinator.errors import AggregationRefused

Floats = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Contribution:
    """One screened update: float32 arrays by name, and its weight in windows (capped by the coordinator)."""

    device_id: str
    weights: Weights
    sample_count: int


@dataclass(frozen=True, slots=True)
class Stack:
    """`rows` float64[n, d], a device a row; `samples` float64[n], windows; `base` float64[d], the model the round trained from."""

    rows: Floats
    samples: Floats
    base: Floats

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def changes(self) -> Floats:
        """What each device changed, float64[n, d]."""
        changes: Floats = self.rows - self.base
        return changes

    @property
    def shares(self) -> Floats:
        """Each device's share of the samples, float64[n]; raises AggregationRefused when there are none."""
        total = self.samples.sum()
        if total <= 0:
            raise AggregationRefused("a mean weighted by samples needs at least one update with samples")
        shares: Floats = self.samples / total
        return shares


def stacked(contributions: Sequence[Contribution], base: Weights) -> Stack:
    """Return at least one contribution as rows, in order of device: the order of arrival leaves no trace in the bits."""
    ordered = sorted(contributions, key=lambda one: one.device_id)
    rows = np.stack([_flat(one.weights, base) for one in ordered])
    return Stack(rows, np.array([one.sample_count for one in ordered], np.float64), _flat(base, base))


def named(vector: Floats, like: Weights) -> dict[str, NDArray[np.float32]]:
    """Return a row float64[d] as arrays of the model's names and shapes, float32."""
    ends = np.cumsum([array.size for array in like.values()])
    parts = zip(like.items(), np.split(vector, ends[:-1]), strict=True)
    return {name: part.reshape(array.shape).astype(np.float32) for (name, array), part in parts}


def _flat(weights: Weights, like: Weights) -> Floats:
    return np.concatenate([weights[name].ravel() for name in like]).astype(np.float64)
