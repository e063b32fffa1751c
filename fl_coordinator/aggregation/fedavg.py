"""Federated averaging: the mean of the updates, weighted by their samples (McMahan et al., AISTATS 2017, Algorithm 1)."""

from __future__ import annotations

import numpy as np

from fl_coordinator.aggregation.stacking import Floats, Stack


class FedAvg:
    """The sample-weighted mean, the seed paper's rule. One contribution can move it anywhere: it is no defence.

    >>> RULE.combine(Stack(np.array([[0.0], [4.0]]), np.array([3.0, 1.0]), np.zeros(1))).tolist()
    [1.0]
    """

    name = "fedavg"
    summary = "Sample-weighted mean of the updates (McMahan et al. 2017); no defence of its own."
    at_least = 1

    def combine(self, stack: Stack) -> Floats:
        mean = np.zeros_like(stack.base)
        for share, update in zip(stack.shares, stack.updates(), strict=True):
            mean += share * update
        return mean


RULE = FedAvg()
