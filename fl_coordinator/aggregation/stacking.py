"""A round's updates as rows that are read in parts, in which every rule computes, and the way back to named weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.network.layout import CONTEXT_STATISTICS
from fl_coordinator.errors import AggregationRefused

Floats = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.float32]]
BLOCK_BYTES: Final = 8 * 2**20
"""So much of all updates is in memory at once, however many they are."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One screened update: float32 arrays by name, and its weight in windows (capped by the coordinator)."""

    device_id: str
    weights: Weights
    sample_count: int


class Rows(Protocol):
    """Updates as rows, of which `rows[some, columns]` are read as float64. A matrix float64[n, d] is one."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, part: tuple[slice, slice], /) -> Floats:
        """Return some rows' columns. May block on a file."""


@dataclass(frozen=True, slots=True)
class Stack:
    """`parts` are n updates in order of device, d weights each. `samples` float64[n], windows. `base` float64[d], the model the round trained from.

    Trained weights only: the context's statistics, which travel with the detector's network, are in no row.
    """

    parts: Rows
    samples: Floats
    base: Floats

    def __len__(self) -> int:
        return len(self.samples)

    def updates(self) -> Iterator[Floats]:
        """Yield one update float64[d] after the other. May be asked again, and then reads them again."""
        return (self.parts[at : at + 1, :][0] for at in range(len(self)))

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Yield some weights of all updates at a time, as slices of d and float64[n, some] of BLOCK_BYTES at most (or one weight)."""
        width = max(1, BLOCK_BYTES // (8 * max(1, len(self))))
        for start in range(0, len(self.base), width):
            columns = slice(start, start + width)
            yield columns, self.parts[:, columns]

    def each_weight(self, combine: Callable[[Floats], Floats]) -> Floats:
        """Return float64[d] of a rule that looks at each weight by itself: `combine` makes float64[some] of float64[n, some]."""
        return np.concatenate([combine(block) for _, block in self.blocks()])

    def lengths(self) -> Floats:
        """Return how far each device moved from `base`, float64[n]."""
        return np.array([np.linalg.norm(update - self.base) for update in self.updates()])

    @property
    def rows(self) -> Floats:
        """All updates at once, float64[n, d]: for what cannot do with parts."""
        return self.parts[:, :]

    @property
    def changes(self) -> Floats:
        """What each device changed, all at once, float64[n, d]."""
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
    rows = np.stack([flat(contribution.weights, base) for contribution in ordered]).astype(np.float64)
    samples = np.array([contribution.sample_count for contribution in ordered], np.float64)
    return Stack(rows, samples, flat(base, base).astype(np.float64))


def flat(weights: Weights, like: Weights) -> NDArray[np.float32]:
    """Return as one vector float32[d] what is trained of named weights, in the order of `like`."""
    return np.concatenate([weights[name].ravel() for name in _learnt(like)])


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


def _learnt(weights: Weights) -> list[str]:
    return [name for name in weights if name not in CONTEXT_STATISTICS]
