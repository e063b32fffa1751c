"""A measured value with its interval, and a goal that it is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Direction = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its 95 % interval, and the number of cases that it rests on. NaN: not measured."""

    value: float
    low: float
    high: float
    n: float


UNKNOWN: Final = Estimate(math.nan, math.nan, math.nan, 0)


def students_interval(values: NDArray[np.float64]) -> Estimate:
    """Return the mean with Student's 95 % interval, which is NaN for a single value.

    >>> students_interval(np.array([1.0, 1.0, 1.0]))
    Estimate(value=1.0, low=1.0, high=1.0, n=3)
    """
    count, mean = len(values), float(np.mean(values))
    if count < 2:
        return Estimate(mean, math.nan, math.nan, count)
    half = float(student.ppf(0.975, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
    return Estimate(mean, mean - half, mean + half, count)


@dataclass(frozen=True, slots=True)
class Goal:
    """What was measured, against what. `unit` says in what it is told, `note` how it was measured."""

    name: str
    value: float
    interval: tuple[float, float]
    n: float
    direction: Direction
    goal: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the point value reaches the goal. None: not measured."""
        if math.isnan(self.value):
            return None
        return self.value >= self.goal if self.direction == "at least" else self.value <= self.goal
