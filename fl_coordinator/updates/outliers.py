"""Finds updates that do not fit the cohort: too long, or against the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from fl_coordinator.aggregation.stacking import Contribution, Floats, Stack, Weights, stacked
from fl_coordinator.rounds.transitions import OUTLIERS

AT_LEAST: Final = 3
"""Fewer have no majority that could say which of them is odd."""
LONGEST: Final = 5.0
"""In median lengths of the cohort: honest changes differ by their number of steps, hardly by more than two or three."""
LEAST_COSINE: Final = -0.1
"""To the median change: honest devices pull in their own directions, at worst across, never back."""
LEAST_COSINE_OF_CLUSTERS: Final = -0.3
"""Between two clusters, on average: honest cohorts fell apart by no more than -.26, those with flipped labels by -.5."""


def outlier_updates(contributions: Sequence[Contribution], base: Weights) -> Mapping[str, str]:
    """Return the devices whose update does not belong, with the reason: `norm`, `camp` or `cosine` (none where the cohort is too small).

    Changes are measured from `base`, the model the round trained from. Pure; the order of contributions does not matter.
    """
    if not contributions:
        return {}
    names = sorted(contribution.device_id for contribution in contributions)
    return {names[at]: reason for at, reason in outliers(stacked(contributions, base)).items()}


def outliers(stack: Stack) -> Mapping[int, str]:
    """Return which of the updates do not belong, by their place in the stack, with the reason.

    It reads them twice, some weights of all at a time, and may block. It takes every pair: n * n cosines in memory.
    """
    if len(stack) < AT_LEAST:
        return {}
    products = _products(stack)
    lengths = np.sqrt(np.diag(products))
    too_long = lengths > LONGEST * np.median(lengths)
    cluster = _minority_cluster(_cosines(products, lengths, lengths))
    products_to_middle, middle_length = _to_the_middle(stack, ~cluster)
    against = _cosines(products_to_middle, lengths, middle_length) < LEAST_COSINE
    reasons = np.select([too_long, cluster, against], OUTLIERS, "")
    return {at: str(reason) for at, reason in enumerate(reasons) if reason}


def _products(stack: Stack) -> Floats:
    """Return the scalar products of the changes, each with each, float64[n, n]."""
    products = np.zeros((len(stack), len(stack)))
    for columns, block in stack.blocks():
        changes = block - stack.base[columns]
        products += changes @ changes.T
    return products


def _to_the_middle(stack: Stack, honest: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return each change's scalar product with the median change float64[n], and that one's length float64[1].

    The median is of the honest alone: Byzantine updates that agree would pull it to their side.
    """
    products, square = np.zeros(len(stack)), 0.0
    for columns, block in stack.blocks():
        changes = block - stack.base[columns]
        middle = np.median(changes[honest], axis=0)
        products += changes @ middle
        square += float(middle @ middle)
    return products, np.sqrt([square])


def _minority_cluster(cosines: Floats) -> NDArray[np.bool_]:
    """Return who belongs to a minority of two or more that pulls against all others, bool[n].

    Two Byzantine updates of five are enough to turn a median their way. Clusters of updates by cosine: FLAME (Nguyen et al., USENIX Security
    2022); by average linkage here, as there are few devices. One alone is left to the cosine to the median.
    """
    tree = linkage(squareform(1 - cosines, checks=False), "average")
    first = fcluster(tree, 2, "maxclust") == 1
    cluster = first if 2 * first.sum() < len(first) else ~first
    is_minority = 2 <= cluster.sum() < len(cluster) / 2
    is_against = is_minority and cosines[cluster][:, ~cluster].mean() < LEAST_COSINE_OF_CLUSTERS
    return cluster if is_against else np.zeros_like(cluster)


def _cosines(products: Floats, lengths: Floats, others: Floats) -> Floats:
    """Return cosines of scalar products [n] or [n, m]; 0 where one of the two has no length."""
    scale = np.multiply.outer(lengths, others) if products.ndim > 1 else lengths * others
    cosines: Floats = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    return np.clip(cosines, -1, 1)
