"""How often a value equals the one before, against the enrolment's share of such minutes."""

from __future__ import annotations

import numpy as np

from detectors.array_types import Floats
from detectors.statistics.base import LEVEL, BlockMinutes, Statistic, Tail


def excess(minutes: BlockMinutes, residual: str) -> Floats:  # noqa: ARG001 - of the values themselves
    """Return 1 - share for an unchanged minute, -share for a changed one."""
    return np.asarray(minutes.weight * (minutes.unchanged - minutes.unchanged_share))


def expected_variance(minutes: BlockMinutes, residual: str) -> Floats:  # noqa: ARG001 - of the values themselves
    """Return the variance of that, were the share the enrolment's."""
    return np.asarray(minutes.weight * minutes.unchanged_share * (1 - minutes.unchanged_share))


def standardised(total: Floats, variance: Floats) -> Floats:
    """Return the excess in standard deviations."""
    return np.asarray(total / np.sqrt(variance + 0.3))


STATISTIC = Statistic(
    name="unchanged",
    summary="minutes equal to the one before, against their usual share",
    terms=(excess, expected_variance),
    value=standardised,
    residuals=(LEVEL,),
    tails=(Tail("calm", +1),),
    slow_residuals=(LEVEL,),
    high="standing still for unusually long",
    low="hardly ever at rest, unlike usual",
)
