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
        return geometric_median(stack)


def geometric_median(stack: Stack) -> Floats:
    """Return float64[d], starting from the coordinate-wise median, which no minority can move far. Reads all updates in each step.

    >>> geometric_median(Stack(np.array([[0.0, 0.0], [1.0, 0.0], [90.0, 0.0]]), np.ones(3), np.zeros(2))).round(3).tolist()
    [1.0, 0.0]
    """
    point = stack.each_weight(lambda block: np.median(block, axis=0))
    spread = float(np.median(_distances(stack, point)))
    for _ in range(MAX_ITERATIONS):
        after = _pulled(stack, point)
        step, point = float(np.linalg.norm(after - point)), after
        if step <= TOLERANCE * spread:
            break
    return _at_a_row(stack, point)


def _distances(stack: Stack, point: Floats) -> Floats:
    return np.array([np.linalg.norm(update - point) for update in stack.updates()])


def _pulled(stack: Stack, point: Floats) -> Floats:
    """Return the mean of the updates, each the lighter the farther it lies from the point."""
    pulled, total = np.zeros_like(point), 0.0
    for update in stack.updates():
        pull = 1 / max(float(np.linalg.norm(update - point)), SMOOTHING)
        pulled += pull * update
        total += pull
    return pulled / total


def _at_a_row(stack: Stack, point: Floats) -> Floats:
    """Return the row nearest to the point if it is the median itself: there the algorithm crawls and stops too early.

    A row is the median when the unit vectors to all others add up to no more than the number of rows that lie on it
    (Kuhn, Mathematical Programming 1973;4:98-107).
    """
    nearest = int(np.argmin(_distances(stack, point)))
    row = stack.parts[nearest : nearest + 1, :][0]
    pull, here = np.zeros_like(row), 0
    for update in stack.updates():
        away = update - row
        distance = float(np.linalg.norm(away))
        if distance > SMOOTHING:
            pull += away / distance
        else:
            here += 1
    return row if float(np.linalg.norm(pull)) <= here else point


RULE = GeometricMedian()
