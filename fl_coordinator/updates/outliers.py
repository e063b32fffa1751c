"""Finds updates that do not fit the cohort: too long, or against the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from fl_coordinator.aggregation.stacking import Contribution, Floats, Weights, stacked
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
    if len(contributions) < AT_LEAST:
        return {}
    changes = stacked(contributions, base).changes
    lengths = np.linalg.norm(changes, axis=1)
    too_long = lengths > LONGEST * np.median(lengths)
    cluster = _minority_cluster(changes, lengths)
    middle = np.median(changes[~cluster], axis=0)  # Byzantine updates that agree would pull it to their side
    against = _cosines(changes, lengths, middle[None])[:, 0] < LEAST_COSINE
    names = sorted(contribution.device_id for contribution in contributions)
    reasons = np.select([too_long, cluster, against], OUTLIERS, "")
    return {name: str(reason) for name, reason in zip(names, reasons, strict=True) if reason}


def _minority_cluster(changes: Floats, lengths: Floats) -> NDArray[np.bool_]:
    """Return who belongs to a minority of two or more that pulls against all others, bool[n].

    Two Byzantine updates of five are enough to turn a median their way. Clusters of updates by cosine: FLAME (Nguyen et al., USENIX Security
    2022); by average linkage here, as there are few devices. One alone is left to the cosine to the median.
    """
    cosines = _cosines(changes, lengths, changes)
    tree = linkage(squareform(1 - cosines, checks=False), "average")
    first = fcluster(tree, 2, "maxclust") == 1
    cluster = first if 2 * first.sum() < len(first) else ~first
    is_minority = 2 <= cluster.sum() < len(cluster) / 2
    is_against = is_minority and cosines[cluster][:, ~cluster].mean() < LEAST_COSINE_OF_CLUSTERS
    return cluster if is_against else np.zeros_like(cluster)


def _cosines(changes: Floats, lengths: Floats, others: Floats) -> Floats:
    """Return the cosines float64[n, m] between changes and others; 0 where one of the two has no length."""
    products = np.outer(lengths, np.linalg.norm(others, axis=1))
    cosines: Floats = np.divide(changes @ others.T, products, out=np.zeros_like(products), where=products > 0)
    return np.clip(cosines, -1, 1)
