"""How often the residual is next to nothing: the share below .35 of its own size."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import NEIGHBOURS, BlockMinutes, Statistic, Tail, mean, weight


def is_small(minutes: BlockMinutes, residual: str) -> Floats:
    """Return 1 for |e| < .35."""
    return np.asarray(minutes.weight * (np.abs(minutes.residual(residual)) < 0.35))


STATISTIC = Statistic(
    name="small residuals",
    summary="share of small residuals",
    terms=(weight, is_small),
    value=mean,
    tails=(Tail("calm", +1),),
    slow_residuals=(NEIGHBOURS,),
    high="smoother than usual",
    low="hardly ever smooth, unlike usual",
)
