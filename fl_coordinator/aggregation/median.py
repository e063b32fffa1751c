"""The coordinate-wise median (Yin et al., ICML 2018, Definition 1)."""

from __future__ import annotations

import numpy as np

from fl_coordinator.aggregation.stacking import Floats, Stack


class Median:
    """The median of every weight by itself. It holds while less than half of the updates lie. Claimed samples do not count.

    >>> RULE.combine(Stack(np.array([[0.0], [1.0], [90.0]]), np.ones(3), np.zeros(1))).tolist()
    [1.0]
    """

    name = "median"
    summary = "Coordinate-wise median (Yin et al. 2018); stands up to fewer than half of the devices."
    at_least = 3

    def combine(self, stack: Stack) -> Floats:
        return stack.each_weight(lambda block: np.median(block, axis=0))


RULE = Median()
