"""Whether a residual follows from the one before: their correlation within blocks."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import NEIGHBOURS, BlockMinutes, Statistic, square


def product_with_before(minutes: BlockMinutes, residual: str) -> Floats:
    """Return e[t] e[t-1], both within the block (its first minute: 0)."""
    error = minutes.weight * minutes.residual(residual)
    product = np.zeros_like(error)
    product[:, 1:] = error[:, 1:] * error[:, :-1]
    return product


def ratio(products: Floats, squares: Floats) -> Floats:
    """Return sum of products / (sum of squares + 1)."""
    return np.asarray(products / (squares + 1))


STATISTIC = Statistic(
    name="autocorrelation",
    summary="correlation of successive residuals",
    terms=(product_with_before, square),
    value=ratio,
    slow_residuals=(NEIGHBOURS,),
    high="moving in longer waves than usual",
    low="jumping to and fro more than usual",
)
