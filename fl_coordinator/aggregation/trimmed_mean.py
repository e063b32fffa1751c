"""The coordinate-wise trimmed mean (Yin et al., ICML 2018, Definition 2)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from fl_coordinator.aggregation.stacking import Floats, Stack

TRIMMED_SHARE: Final = 0.2


class TrimmedMean:
    """The mean of every weight without its largest and smallest fifth, at least one on each side. Samples do not count.

    A share alone would trim nothing of four updates and be a plain mean: the number trimmed is never less than one.

    >>> RULE.combine(Stack(np.array([[0.0], [1.0], [2.0], [90.0]]), np.ones(4), np.zeros(1))).tolist()
    [1.5]
    """

    name = "trimmed-mean"
    summary = "Coordinate-wise mean without the outer fifth on each side, at least one update (Yin et al. 2018)."
    at_least = 3

    def combine(self, stack: Stack) -> Floats:
        cut = max(1, math.floor(TRIMMED_SHARE * len(stack)))
        return stack.each_weight(lambda block: np.sort(block, axis=0)[cut : len(stack) - cut].mean(axis=0))


RULE = TrimmedMean()
