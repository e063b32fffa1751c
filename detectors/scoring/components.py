"""What one decision says before any vote: the DNNs' logits and the family-free score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from detectors.baseline.own_past import OwnPast
from detectors.baseline.references import Standardisation
from detectors.scoring.classifier import Weights, inputs, logit
from detectors.scoring.family_free import family_free
from detectors.scoring.tails import Tails, fast_columns, one_sided, slow_columns
from detectors.types import Floats


class Fitted(Protocol):
    """The part of a detector's parameters that scores a single decision."""

    @property
    def standardisation(self) -> Standardisation: ...
    @property
    def fast_tails(self) -> Tails: ...
    @property
    def slow_tails(self) -> Tails: ...


class TailFeatures(NamedTuple):
    """Standardised statistics `r` float64[R, C] and how rare their sides are: `u` [R, K], `slow_u` [R, L]."""

    r: Floats
    u: Floats
    slow_u: Floats


def tail_features_of(fitted: Fitted, values: Floats, past: OwnPast) -> TailFeatures:
    """Return the tail features of statistics float64[R, C], each held against its device's own past."""
    r = fitted.standardisation.of(values, past)
    u = fitted.fast_tails.of(one_sided(r, fast_columns()))
    return TailFeatures(r, u, fitted.slow_tails.of(one_sided(r, slow_columns())))


class Components(NamedTuple):
    """float64[R] each, higher = more anomalous: both DNNs' logits (the own past's mean not yet subtracted), the family-free score."""

    fast: Floats
    slow: Floats
    family_free: Floats


def components_of(classifiers: Mapping[str, Weights], features: TailFeatures) -> Components:
    """Return the networks' logits and the family-free score of a decision's tail features."""
    read = inputs(*features)
    return Components(
        logit(classifiers["fast"], read["fast"]), logit(classifiers["slow"], read["slow"]), family_free(features.u)
    )
