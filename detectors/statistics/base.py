"""What a statistic is: terms that are summed over blocks of 15 minutes, and a value made of the sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from detectors.array_types import Bools, Floats

HEART: Final = "heart"
BREATH: Final = "breath"
BOTH: Final = "both"
CHANNELS: Final = (HEART, BREATH)

FAST_MIN: Final = 60
MIDDLE_MIN: Final = 180
SLOW_MIN: Final = 360

NEIGHBOURS: Final = "neighbours"
SIX: Final = "six"
SIXTEEN: Final = "sixteen"
LEVEL: Final = "level"
NETWORK: Final = "network"
"""Residuals: what the minutes on both sides, 6 minutes on both sides, 16 minutes before or the Bi-LSTM do not explain, in
units of the device's own usual size; `level` is the scaled value itself."""


class BlockMinutes(NamedTuple):
    """The 15 minutes of each of R blocks, two channels.

    `weight` float64[R, 15, 2] (1 = measured), `residuals` by name float64[R, 15, 2], `unchanged` bool[R, 15, 2] (equal to
    the minute before), `unchanged_share` float64[R, 1, 2] (the enrolment's share of such minutes).
    """

    weight: Floats
    residuals: Mapping[str, Floats]
    unchanged: Bools
    unchanged_share: Floats

    def residual(self, name: str, limit: float = 4.5) -> Floats:
        """Return a residual, clipped so that a single artefact cannot make up an hour."""
        return np.clip(self.residuals[name], -limit, limit)


Term = Callable[[BlockMinutes, str], Floats]
"""(minutes, residual's name) -> float64[R, 15, 2], or float64[R, 15] for both channels together."""


class Tail(NamedTuple):
    """One side of a statistic that counts in the family-free score: its group, which side (+1 high, -1 low), over which time."""

    group: str
    side: int
    minutes: int = FAST_MIN


@dataclass(frozen=True)
class Statistic:
    """A named statistic of a block sum.

    `value(*sums)` makes the statistic of the sums of `terms` (float64[R, 2], or float64[R] for both channels) over the
    last hour and the last six. `residuals` are those it is taken of. `tails` count in the family-free score. Of `slow_residuals` the six
    hours' sums count as tails for the slow DNN, both sides. `is_joint`: one number for both channels. `high` and `low` say in
    words for a nurse what an unusual value means.
    """

    name: str
    summary: str
    terms: tuple[Term, ...]
    value: Callable[..., Any]
    residuals: tuple[str, ...] = (NEIGHBOURS, NETWORK)
    tails: tuple[Tail, ...] = ()
    slow_residuals: tuple[str, ...] = ()
    is_joint: bool = False
    high: str = "unlike usual"
    low: str = "unlike usual"


def weight(minutes: BlockMinutes, residual: str) -> Floats:  # noqa: ARG001 - the same for every residual
    """Return the minutes' weights: their sum is the number of measured minutes."""
    return minutes.weight


def both_weight(minutes: BlockMinutes, residual: str) -> Floats:  # noqa: ARG001 - the same for every residual
    """Return 1 where both channels are measured."""
    return np.asarray(minutes.weight.prod(axis=2))


def square(minutes: BlockMinutes, residual: str) -> Floats:
    """Return the residual's square."""
    return np.asarray(minutes.weight * minutes.residual(residual) ** 2)


def value(minutes: BlockMinutes, residual: str) -> Floats:
    """Return the residual itself."""
    return minutes.weight * minutes.residual(residual)


def mean(count: Floats, total: Floats) -> Floats:
    """Return the mean of the measured minutes."""
    return np.asarray(total / np.maximum(count, 1))
