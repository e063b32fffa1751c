"""Multi-Krum: the mean of the updates with the best Krum scores (Blanchard et al., NeurIPS 2017, Sec. 4)."""

from __future__ import annotations

import numpy as np

from fl_coordinator.aggregation.krum import AT_LEAST, krum_scores, tolerated
from fl_coordinator.aggregation.stacking import Floats, Stack


class MultiKrum:
    """Averages all but the f worst by Krum's score, f being the most that its bound allows. Samples do not count.

    >>> RULE.combine(Stack(np.array([[0.0], [1.0], [2.0], [3.0], [90.0]]), np.ones(5), np.zeros(1))).tolist()
    [1.5]
    """

    name = "multi-krum"
    summary = "Mean of the n - f updates with the best Krum scores (Blanchard et al. 2017)."
    at_least = AT_LEAST

    def combine(self, stack: Stack) -> Floats:
        kept = np.sort(np.argsort(krum_scores(stack), kind="stable")[: len(stack) - tolerated(len(stack))])
        return stack.each_weight(lambda block: block[kept].mean(axis=0))


RULE = MultiKrum()
