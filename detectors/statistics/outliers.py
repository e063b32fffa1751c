"""How often the residual is large: the root of the share beyond 2.2 of its own size."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import NEIGHBOURS, BlockMinutes, Statistic, Tail, weight


def is_large(minutes: BlockMinutes, residual: str) -> Floats:
    """Return 1 for |e| > 2.2."""
    return np.asarray(minutes.weight * (np.abs(minutes.residual(residual)) > 2.2))


def root_share(count: Floats, large: Floats) -> Floats:
    """Return the root of the share, whose spread hardly depends on the share."""
    return np.asarray(np.sqrt(large / np.maximum(count, 1)))


STATISTIC = Statistic(
    name="outliers",
    summary="root of the share of large residuals",
    terms=(weight, is_large),
    value=root_share,
    tails=(Tail("noise", +1), Tail("calm", -1)),
    slow_residuals=(NEIGHBOURS,),
    high="jumping more often than usual",
    low="hardly ever jumping, unlike usual",
)
