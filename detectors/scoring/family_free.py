"""The family-free score, which learns from no attack: the largest u of a few groups of statistics, summed."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.scoring.tails import fast_columns
from detectors.types import Floats

GROUPS: Final = ("noise", "calm", "flat-tailed", "lattice", "coupling", "level", "spread")
LARGEST: Final = 3


def group_values(u: Floats) -> Floats:
    """Return float64[R, 7], a group's largest u, of the hour's columns float64[R, K].

    Level and spread count at most twice as much as texture: a mere change of level is a patient, not an attack.
    """
    names = np.array([column.group for column in fast_columns()])
    found = {group: u[:, names == group].max(axis=1) for group in GROUPS}
    texture = 2 * np.maximum(found["noise"], found["lattice"])
    for group in ("level", "spread"):
        found[group] = np.minimum(found[group], texture)
    return np.stack([found[group] for group in GROUPS], axis=1)


def family_free(u: Floats) -> Floats:
    """Return float64[R]: the sum of the three largest groups of the hour."""
    return np.asarray(np.sort(group_values(u), axis=1)[:, -LARGEST:].sum(axis=1))
