"""The geometric median by the smoothed Weiszfeld algorithm (RFA: Pillutla et al., IEEE Trans. Signal Processing 2022, Algorithm 2)."""

from __future__ import annotations

from typing import Final

import numpy as np

from fl_coordinator.aggregation.stacking import Floats, Stack

SMOOTHING: Final = 1e-6  # distances below it count as it, so that an update that is hit exactly has no infinite say
MAX_ITERATIONS: Final = 2000  # some twenty are usual; towards a point close beside a row the steps are small
TOLERANCE: Final = 1e-10  # of the rows' spread: a step below it changes no float32


class GeometricMedian:
    """The point with the least sum of distances to the updates. It holds while less than half of them lie.

    RFA weighs by samples; here all weigh the same, as the number is the device's own claim.
    """

    name = "geometric-median"
    summary = (
        "The point nearest to all updates (RFA, Pillutla et al. 2022); stands up to fewer than half of the devices."
    )
    at_least = 3

    def combine(self, stack: Stack) -> Floats:
        return geometric_median(stack.rows)


def geometric_median(rows: Floats) -> Floats:
    """Return float64[d], starting from the coordinate-wise median, which no minority can move far.

    >>> geometric_median(np.array([[0.0, 0.0], [1.0, 0.0], [90.0, 0.0]])).round(3).tolist()
    [1.0, 0.0]
    """
    point: Floats = np.median(rows, axis=0)
    spread = float(np.median(np.linalg.norm(rows - point, axis=1)))
    for _ in range(MAX_ITERATIONS):
        pull = 1 / np.maximum(np.linalg.norm(rows - point, axis=1), SMOOTHING)
        after: Floats = pull / pull.sum() @ rows
        step, point = float(np.linalg.norm(after - point)), after
        if step <= TOLERANCE * spread:
            break
    return _at_a_row(rows, point)


def _at_a_row(rows: Floats, point: Floats) -> Floats:
    """Return the row nearest to the point if it is the median itself: there the algorithm crawls and stops too early.

    A row is the median when the unit vectors to all others add up to no more than the number of rows that lie on it
    (Kuhn, Mathematical Programming 1973;4:98-107).
    """
    row: Floats = rows[int(np.argmin(np.linalg.norm(rows - point, axis=1)))]
    away = rows - row
    distance = np.linalg.norm(away, axis=1)
    others = distance > SMOOTHING
    pull = (away[others] / distance[others, None]).sum(axis=0)
    return row if float(np.linalg.norm(pull)) <= float((~others).sum()) else point


RULE = GeometricMedian()
