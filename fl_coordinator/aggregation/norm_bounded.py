"""Norm-bounded averaging: no update may move the model further than a bound (Sun et al., "Can You Really Backdoor Federated Learning?", 2019, Sec. 4)."""

from __future__ import annotations

import numpy as np

from fl_coordinator.aggregation.stacking import Floats, Stack


class NormBounded:
    """The sample-weighted mean of changes, each cut to the cohort's median length: an update keeps its direction, not its force.

    >>> RULE.combine(Stack(np.array([[1.0], [2.0], [90.0]]), np.ones(3), np.zeros(1))).round(3).tolist()
    [1.667]
    """

    name = "norm-bounded"
    summary = "Sample-weighted mean of changes no longer than the cohort's median change (Sun et al. 2019)."
    at_least = 3

    def combine(self, stack: Stack) -> Floats:
        lengths = stack.lengths()
        cut = np.minimum(1.0, np.divide(np.median(lengths), lengths, out=np.ones_like(lengths), where=lengths > 0))
        bounded = stack.base.copy()
        for share, update in zip(stack.shares * cut, stack.updates(), strict=True):
            bounded += share * (update - stack.base)
        return bounded


RULE = NormBounded()
