"""Ablations: the detector without one of its parts, learnt and calibrated anew where the part took part in learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from detectors.features.catalogue import FEATURES, LATTICE
from detectors.scorer import SCORED_KINDS, TAIL_KINDS
from detectors.standardise import Expectations
from detectors.training.judging import GUARDS
from detectors.training.lessons import Curriculum
from detectors.votes import KINDS
from experiments.grid_variants import Lesson, Variant, without_features

WHOLE: Final = "nothing left out"
WITHOUT_LATTICE: Final = "without lattice features"
WITHOUT_ENROLMENT: Final = "without the own enrolment"
KIND_WORDS: Final = {
    "hour": "the networks of the hour",
    "half_day": "the network of the half day",
    "level": "the tail of levels",
    "texture": "the tail of texture",
    "lattice": "the tail of lattices",
    "replay": "the replay guard",
    "copies": "the copies guard",
    "pulse": "the pulse guard",
}


def vote_ablations() -> list[Variant]:
    """Return the variants that need no learning: all of it, without each kind of vote, without guards."""
    everything = tuple(KINDS)
    without = [
        Variant(f"without {KIND_WORDS[kind]}", kinds=tuple(one for one in everything if one != kind))
        for kind in SCORED_KINDS
    ]
    return [
        Variant(WHOLE),
        *without,
        Variant("without guards", kinds=tuple(one for one in everything if one not in GUARDS)),
    ]


def learnt_ablations(lesson: Lesson) -> list[Variant]:
    """Return the variants whose networks are learnt anew."""
    residual = {name: _places(f"{name} ") for name in ("bottleneck", "blind_spot")}
    both = [*residual["bottleneck"], *residual["blind_spot"]]
    signal = [place for place in range(len(FEATURES)) if place not in both]
    hour_only = tuple(kind for kind in KINDS if kind not in ("half_day", *TAIL_KINDS))
    return [
        Variant("without the bottleneck autoencoder", without_features(lesson, residual["bottleneck"])),
        Variant("without the blind-spot autoencoder", without_features(lesson, residual["blind_spot"])),
        Variant("without both autoencoders", without_features(lesson, both)),
        Variant("without signal features", without_features(lesson, signal), hour_only),
        Variant("without distortions", replace(lesson, curriculum=Curriculum(distortions=False))),
        Variant(WITHOUT_LATTICE, without_features(lesson, sorted(LATTICE))),
    ]


def _places(prefix: str) -> Sequence[int]:
    return [place for place, feature in enumerate(FEATURES) if feature.name.startswith(prefix)]


def without_own_enrolment(expected: Expectations) -> Expectations:
    """Return expectations that give every device the population's centre and spread, whatever its enrolment was like."""
    nothing = np.zeros_like(expected.mean)
    return Expectations(
        mean=expected.mean,
        anchor=nothing,
        carried=nothing,
        spread=expected.population_spread,
        enrolment_variance=expected.enrolment_variance,
        own_share=nothing,
        wide_spread=nothing,
        population_spread=expected.population_spread,
    )
