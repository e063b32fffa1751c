"""Krum: the one update that lies closest to its neighbours (Blanchard et al., NeurIPS 2017, Sec. 4)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist, squareform

from fl_coordinator.aggregation.stacking import Floats, Stack

AT_LEAST = 5
"""The bound n >= 2 f + 3 for the smallest f that is a defence at all, one."""


class Krum:
    """Takes over a single device's update, so learns from one device a round. Samples do not count.

    >>> RULE.combine(Stack(np.array([[0.0], [1.0], [1.5], [3.0], [90.0]]), np.ones(5), np.zeros(1))).tolist()
    [1.0]
    """

    name = "krum"
    summary = "The update closest to its neighbours (Blanchard et al. 2017); stands up to (n - 3) / 2 of n devices."
    at_least = AT_LEAST

    def combine(self, stack: Stack) -> Floats:
        chosen = int(np.argmin(krum_scores(stack)))
        update: Floats = stack.parts[chosen : chosen + 1, :][0]
        return update


def tolerated(count: int) -> int:
    """Return f, the most Byzantine updates that the bound n >= 2 f + 3 allows among `count`.

    >>> [tolerated(count) for count in (4, 5, 7, 10)]
    [0, 1, 2, 3]
    """
    return (count - 3) // 2


def krum_scores(stack: Stack) -> Floats:
    """Return each update's summed squared distance to its n - f - 2 nearest others, float64[n] (low: in company).

    It takes every pair: n * n distances in memory, and time for each of them.

    >>> krum_scores(Stack(np.array([[0.0], [1.0], [1.5], [3.0], [90.0]]), np.ones(5), np.zeros(1))).tolist()
    [3.25, 1.25, 2.5, 6.25, 15401.25]
    """
    squares = squareform(sum(pdist(block, "sqeuclidean") for _, block in stack.blocks()))
    near = np.sort(squares, axis=1)[:, 1 : len(stack) - tolerated(len(stack)) - 1]  # without itself
    scores: Floats = near.sum(axis=1)
    return scores


RULE = Krum()
