"""A measured value with its interval, and a goal that it is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its 95 % interval, and the number of cases that it rests on. NaN: not measured."""

    value: float
    low: float
    high: float
    n: float


UNKNOWN: Final = Estimate(math.nan, math.nan, math.nan, 0)


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
