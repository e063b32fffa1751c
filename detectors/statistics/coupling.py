"""Whether both channels move together: the correlation of their residuals."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import (
    LEVEL,
    NEIGHBOURS,
    NETWORK,
    SIX,
    BlockMinutes,
    Statistic,
    Tail,
    both_weight,
    square,
    value,
    weight,
)


def product(minutes: BlockMinutes, residual: str) -> Floats:
    """Return the product of the channels' residuals where both are measured."""
    return np.asarray(minutes.weight.prod(axis=2) * minutes.residual(residual, 4.0).prod(axis=2))


def correlation(count: Floats, total: Floats, squares: Floats, products: Floats, both: Floats) -> Floats:
    """Return covariance / product of the root mean squares, float64[R]."""
    count = np.maximum(count, 1)
    mean, mean_square = total / count, squares / count
    covariance = products / np.maximum(both, 1) - mean.prod(axis=1)
    return np.asarray(covariance / np.sqrt(np.maximum(mean_square.prod(axis=1), 0.01)))


STATISTIC = Statistic(
    name="coupling",
    summary="correlation of the two channels' residuals",
    terms=(weight, value, square, product, both_weight),
    value=correlation,
    residuals=(NEIGHBOURS, NETWORK, SIX, LEVEL),
    tails=(Tail("coupling", +1), Tail("coupling", -1)),
    is_joint=True,
    high="moving together more than usual",
    low="moving against each other more than usual",
)
