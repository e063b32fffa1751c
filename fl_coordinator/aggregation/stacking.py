"""Updates as one matrix, in which every rule computes, and the way back to named weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.network.layout import CONTEXT_STATISTICS
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
    """`rows` float64[n, d], a device a row. `samples` float64[n], windows. `base` float64[d], the model the round trained from.

    Trained weights only: the context's statistics, which travel with the detector's network, are in no row.
    """

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
        """Each device's share of the samples, float64[n]. Raises AggregationRefused when there are none."""
        total = self.samples.sum()
        if total <= 0:
            raise AggregationRefused("a mean weighted by samples needs at least one update with samples")
        shares: Floats = self.samples / total
        return shares


def stacked(contributions: Sequence[Contribution], base: Weights) -> Stack:
    """Return at least one contribution as rows, in order of device: the order of arrival leaves no trace in the bits.

    >>> own = {"w": np.ones((1, 2), np.float32)}
    >>> stacked([Contribution("b", own, 7), Contribution("a", own, 5)], own).samples.tolist()
    [5.0, 7.0]
    """
    ordered = sorted(contributions, key=lambda contribution: contribution.device_id)
    rows = np.stack([_flat(contribution.weights, base) for contribution in ordered])
    return Stack(rows, np.array([contribution.sample_count for contribution in ordered], np.float64), _flat(base, base))


def named(vector: Floats, like: Weights) -> dict[str, NDArray[np.float32]]:
    """Return a row float64[d] as arrays of the model's names and shapes, float32. What nobody trains is the model's own.

    >>> named(np.array([1.0, 2.0]), {"w": np.zeros((1, 2), np.float32)})["w"].tolist()
    [[1.0, 2.0]]
    """
    learnt = _learnt(like)
    ends = np.cumsum([like[name].size for name in learnt])
    parts = dict(zip(learnt, np.split(vector, ends[:-1]), strict=True))
    return {
        name: parts[name].reshape(array.shape).astype(np.float32) if name in parts else array
        for name, array in like.items()
    }


def _flat(weights: Weights, like: Weights) -> Floats:
    return np.concatenate([weights[name].ravel() for name in _learnt(like)]).astype(np.float64)


def _learnt(weights: Weights) -> list[str]:
    return [name for name in weights if name not in CONTEXT_STATISTICS]
