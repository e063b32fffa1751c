"""A look at the whole cohort before aggregation: an update much longer than the others', or against them, is put out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from fl_coordinator.aggregation.stacking import Contribution, Weights, stacked

AT_LEAST: Final = 3
"""Fewer have no majority that could say which of them is odd."""
LONGEST: Final = 5.0
"""In median lengths of the cohort: honest changes differ by their number of steps, hardly by more than two or three."""
LEAST_COSINE: Final = -0.1
"""To the median change: honest devices pull in their own directions, at worst across, never back."""


def odd_ones(contributions: Sequence[Contribution], base: Weights) -> Mapping[str, str]:
    """Return the devices whose update does not belong, with the reason: `norm` or `cosine`; empty for a cohort too small to tell.

    Changes are measured from `base`, the model the round trained from. Pure; the order of contributions does not matter.
    """
    if len(contributions) < AT_LEAST:
        return {}
    changes = stacked(contributions, base).changes
    lengths = np.linalg.norm(changes, axis=1)
    middle = np.median(changes, axis=0)
    products = lengths * np.linalg.norm(middle)
    cosines = np.divide(changes @ middle, products, out=np.zeros_like(products), where=products > 0)
    names = sorted(one.device_id for one in contributions)
    too_long = {
        name: "norm" for name, length in zip(names, lengths, strict=True) if length > LONGEST * np.median(lengths)
    }
    against = {name: "cosine" for name, cosine in zip(names, cosines, strict=True) if cosine < LEAST_COSINE}
    return against | too_long
