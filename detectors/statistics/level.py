"""Where the channel lies: the mean of the scaled values."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import LEVEL, BlockMinutes, Statistic, Tail, weight


def value(minutes: BlockMinutes, residual: str) -> Floats:
    """Return the scaled value."""
    return minutes.weight * minutes.residual(residual)


def mean(count: Floats, total: Floats) -> Floats:
    """Return the mean of the measured minutes."""
    return np.asarray(total / np.maximum(count, 1))


STATISTIC = Statistic(
    name="level",
    summary="mean of the scaled values",
    terms=(weight, value),
    value=mean,
    residuals=(LEVEL,),
    tails=(Tail("level", +1), Tail("level", -1)),
    slow_residuals=(LEVEL,),
    high="higher than this patient's usual",
    low="lower than this patient's usual",
)
