"""The rule by which a candidate becomes the current model: most devices find it no worse on hours that they did not train on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

LEAST_LOSS: Final = 0.01  # a loss near 0 would make any difference a large ratio
MOST_CHANGE: Final = 1.0


def relative_change(before: float, after: float) -> float:
    """Return by which share of the former model's loss the new one's is higher (worse), clipped to -1..1.

    Both are finite and not negative.

    >>> relative_change(2.0, 2.5), relative_change(2.0, 1.0), relative_change(0.0, 1e6)
    (0.25, -0.5, 1.0)
    """
    change = (after - before) / max(before, LEAST_LOSS)
    return max(-MOST_CHANGE, min(MOST_CHANGE, change))


def median_change(changes: Collection[float]) -> float:
    """Return the median of at least one device's changes, of an even number the higher of the two in the middle.

    It lies at or below a tolerance only where more than half of the devices do. So a worse model needs a majority of liars to pass
    (of n devices up to n // 2 may lie), and a good one is held up by half of them.

    >>> median_change([0.3, -1.0, 0.2]), median_change([-1.0, 0.2])
    (0.2, 0.2)
    """
    return sorted(changes)[len(changes) // 2]


def is_accepted(change: float, tolerance: float) -> bool:
    """Whether a candidate with this median change may follow the former model.

    >>> is_accepted(0.01, tolerance=0.02), is_accepted(float("nan"), tolerance=0.02)
    (True, False)
    """
    return change <= tolerance
