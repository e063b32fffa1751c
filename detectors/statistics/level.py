"""Where the channel lies: the mean of the scaled values."""

from __future__ import annotations

from detectors.statistics.base import LEVEL, Statistic, Tail, mean, value, weight

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
