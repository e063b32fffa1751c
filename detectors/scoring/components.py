"""What one decision says before any vote: the DNNs' logits and the family-free score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Floats, Weights
from detectors.baseline.own_past import OwnPast
from detectors.baseline.references import Standardisation
from detectors.scoring.classifier import NAMES, inputs, logit
from detectors.scoring.common_scale import CommonScale
from detectors.scoring.tails import Tails, fast_columns, one_sided, slow_columns

GROUPS: Final = ("noise", "calm", "flat-tailed", "lattice", "coupling", "level", "spread")
LARGEST: Final = 3


def group_values(u: Floats) -> Floats:
    """Return float64[R, 7], a group's largest u, of the hour's columns float64[R, K].

    Level and spread count at most twice as much as texture: a mere change of level is a patient, not an attack.
    """
    names = np.array([column.group for column in fast_columns()])
    largest = {group: u[:, names == group].max(axis=1) for group in GROUPS}
    texture = 2 * np.maximum(largest["noise"], largest["lattice"])
    for group in ("level", "spread"):
        largest[group] = np.minimum(largest[group], texture)
    return np.stack([largest[group] for group in GROUPS], axis=1)


def family_free(u: Floats) -> Floats:
    """Return float64[R]: the sum of the three largest groups of the hour."""
    return np.asarray(np.sort(group_values(u), axis=1)[:, -LARGEST:].sum(axis=1))


SCORED: Final = ("fast", "slow", "family_free")
SCALES: Final = (*SCORED, "combined")


@dataclass(frozen=True, slots=True)
class FittedScores:
    """What scores a single decision: `classifiers` holds the weights of the DNNs `fast` and `slow`."""

    standardisation: Standardisation
    fast_tails: Tails
    slow_tails: Tails
    classifiers: Mapping[str, Weights]


@dataclass(frozen=True, slots=True)
class DetectorParameters(FittedScores):
    """`network` holds the Bi-LSTM's weights (empty: a detector without it).

    `scales` by the names of `SCALES`; `threshold` is the limit on the combined scale.
    """

    network: Weights
    scales: Mapping[str, CommonScale]
    threshold: float


class TailFeatures(NamedTuple):
    """Standardised statistics `r` float64[R, C] and how rare their sides are: `u` [R, K], `slow_u` [R, L]."""

    r: Floats
    u: Floats
    slow_u: Floats


def tail_features_of(fitted: FittedScores, values: Floats, past: OwnPast) -> TailFeatures:
    """Return the tail features of statistics float64[R, C], each held against its device's own past."""
    r = fitted.standardisation.of(values, past)
    u = fitted.fast_tails.of(one_sided(r, fast_columns()))
    return TailFeatures(r, u, fitted.slow_tails.of(one_sided(r, slow_columns())))


def components_of(classifiers: Mapping[str, Weights], features: TailFeatures) -> tuple[Floats, Floats]:
    """Return float64[R, 2], the logits of both DNNs (the own past's mean not yet subtracted), and float64[R], the family-free score.

    A higher value is more anomalous.
    """
    read = inputs(*features)
    logits = np.stack([logit(classifiers[name], read[name]) for name in NAMES], axis=1)
    return logits, family_free(features.u)
