"""How far the channel wanders: the log variance of the scaled values."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import LEVEL, Statistic, Tail, square, value, weight


def log_variance(count: Floats, total: Floats, squares: Floats) -> Floats:
    """Return log(variance + .03)."""
    count = np.maximum(count, 1)
    return np.asarray(np.log(np.maximum(squares / count - (total / count) ** 2, 0) + 0.03))


STATISTIC = Statistic(
    name="spread",
    summary="log variance of the scaled values",
    terms=(weight, value, square),
    value=log_variance,
    residuals=(LEVEL,),
    tails=(Tail("spread", +1),),
    slow_residuals=(LEVEL,),
    high="swinging more than usual",
    low="swinging less than usual",
)
