"""Whether residuals come in all sizes: the log kurtosis, low for made noise and high for rare jumps."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import NEIGHBOURS, BlockMinutes, Statistic, Tail, square, weight


def fourth_power(minutes: BlockMinutes, residual: str) -> Floats:
    """Return e^4."""
    return np.asarray(minutes.weight * minutes.residual(residual) ** 4)


def log_kurtosis(count: Floats, squares: Floats, fourths: Floats) -> Floats:
    """Return log(n sum e^4 / (sum e^2 + 1)^2 + .5)."""
    return np.asarray(np.log(fourths * np.maximum(count, 1) / (squares + 1) ** 2 + 0.5))


STATISTIC = Statistic(
    name="kurtosis",
    summary="log kurtosis of the residual",
    terms=(weight, square, fourth_power),
    value=log_kurtosis,
    tails=(Tail("flat-tailed", -1),),
    slow_residuals=(NEIGHBOURS,),
    high="mostly calm with rare jumps",
    low="all its changes of one size, as noise that is made",
)
