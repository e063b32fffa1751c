"""One measured figure and what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from operator import ge, le
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with its unit; `goal` (None: there is none) is a limit from above (`most`) or from below (`least`).

    `low` and `high` are the smallest and the largest of the repetitions, `note` says what a reader must know.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    bound: Literal["most", "least"] = "most"
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return bool((le if self.bound == "most" else ge)(self.value, self.goal))


def repeated(name: str, values: list[float], unit: str, **rest: Any) -> Row:
    """Return the median of repetitions with their range."""
    return Row(name, float(np.median(values)), unit, low=min(values), high=max(values), **rest)
