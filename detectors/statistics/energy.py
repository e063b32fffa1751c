"""How large the residual is: the log of its mean square."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import NEIGHBOURS, NETWORK, SIX, SIXTEEN, Statistic, Tail, square, weight


def log_mean_square(count: Floats, squares: Floats) -> Floats:
    """Return log(mean e^2 + .03)."""
    return np.asarray(np.log(squares / np.maximum(count, 1) + 0.03))


STATISTIC = Statistic(
    name="energy",
    summary="log mean square of the residual",
    terms=(weight, square),
    value=log_mean_square,
    residuals=(NEIGHBOURS, NETWORK, SIX, SIXTEEN),
    tails=(Tail("noise", +1), Tail("calm", -1)),
    slow_residuals=(NEIGHBOURS, SIX),
    high="more restless from minute to minute than usual",
    low="calmer from minute to minute than usual",
)
