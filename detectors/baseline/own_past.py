"""A device's baseline: mean and sd of its own decisions from its enrolment on, up to half a day ago.

Decisions join in groups of eight (two hours): the baseline ends 12 to 14 h of valid minutes before the decision that it
serves, so that no attack is held against itself before it has lasted that long.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Bools, Floats, Ints
from detectors.minutes.windows import decision_count

WARM: Final = 8
"""The first eight decisions (2 h) of a stream rest on part-filled sums: they never belong to a baseline."""
LAG: Final = 48
GROUP: Final = 8


class OwnPast(NamedTuple):
    """A baseline for each of R decisions: `mean` and `sd` float64[R, C] of so many `decisions` float64[R, 1] (at least 1)."""

    mean: Floats
    sd: Floats
    decisions: Floats


def enrolment_decisions(enrolment_min: int) -> int:
    """Return how many decisions an enrolment of so many valid minutes holds, the first eight included (at least one).

    >>> enrolment_decisions(600), enrolment_decisions(30)
    (37, 1)
    """
    return max(1, decision_count(enrolment_min))


def baseline_start(enrolled: int) -> int:
    """Return the first decision of a baseline. An enrolment shorter than three hours has at least its last one.

    >>> baseline_start(37), baseline_start(3)
    (8, 2)
    """
    return min(WARM, enrolled - 1)


def baseline_end(decision: Ints, enrolled: int) -> Ints:
    """Return the decision before which the baseline of decision k ends: the enrolment's end, later the last whole group.

    >>> baseline_end(np.array([40, 100]), enrolled=37).tolist()
    [37, 48]
    """
    return np.asarray(np.maximum(enrolled, (decision - LAG) // GROUP * GROUP))


def own_past(values: Floats, enrolled: int, keep: Bools, *, frozen: bool = False) -> OwnPast:
    """Return the baselines of all decisions of a stream float64[k, C]. `keep` bool[k]: it may join a baseline.

    `frozen`: of the enrolment alone (an ablation).
    """
    decision = np.arange(len(values))
    end = np.full(len(values), enrolled) if frozen else baseline_end(decision, enrolled)
    end = np.minimum(end, len(values))
    kept = keep.astype(np.float64)[:, None]

    def total(array: Floats) -> Floats:
        summed = np.concatenate([np.zeros((1, array.shape[1])), np.cumsum(array, axis=0)])
        return np.asarray(summed[end] - summed[min(baseline_start(enrolled), len(values))])

    return past_of(total(kept), total(kept * values), total(kept * values**2))


def past_of(count: Floats, total: Floats, squares: Floats) -> OwnPast:
    """Return the baselines of sums: float64[R, 1], float64[R, C], float64[R, C].

    >>> past = past_of(np.array([[2.0]]), np.array([[6.0]]), np.array([[20.0]]))
    >>> float(past.mean[0, 0]), float(past.sd[0, 0])
    (3.0, 1.0)
    """
    count = np.maximum(count, 1)
    mean = total / count
    return OwnPast(mean, np.sqrt(np.maximum(squares / count - mean**2, 0)), count)
