"""How large the residual usually is: the mean of its log square, which single jumps hardly move."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import NEIGHBOURS, NETWORK, SIX, BlockMinutes, Statistic, Tail, mean, weight


def log_square(minutes: BlockMinutes, residual: str) -> Floats:
    """Return log(e^2 + .1)."""
    return np.asarray(minutes.weight * np.log(minutes.residual(residual) ** 2 + 0.1))


STATISTIC = Statistic(
    name="log energy",
    summary="mean log square of the residual",
    terms=(weight, log_square),
    value=mean,
    residuals=(NEIGHBOURS, NETWORK, SIX),
    tails=(Tail("noise", +1), Tail("calm", -1)),
    slow_residuals=(NEIGHBOURS,),
    high="restless in most minutes",
    low="calm in most minutes",
)
