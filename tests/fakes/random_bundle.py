"""Bundles with random weights and plausible statistics: valid in every part, trained on nothing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from detectors.bundle import Bundle
from detectors.common_scale import CommonScale
from detectors.evidence import NETWORK_INPUTS, PARTS
from detectors.features.catalogue import FEATURES
from detectors.knowledge import SITUATIONS, Knowledge, Situation
from detectors.measure import Measure
from detectors.scorer import SCORED_KINDS, TAIL_KINDS
from detectors.standardise import Expectations
from detectors.surprise import GRID
from detectors.weight_layout import CLASSIFIERS, Shapes, autoencoder_shapes, blind_spot_shapes, classifier_shapes

Weights = dict[str, np.ndarray]
CENTRES = ("mean", "anchor")


def random_bundle(seed: int, *, threshold: float = 1.0) -> Bundle:
    """Return a bundle; equal arguments give equal ones."""
    rng = np.random.default_rng(seed)
    return Bundle(
        _weights(rng, autoencoder_shapes(), 0.3),
        _weights(rng, blind_spot_shapes(), 0.3),
        random_knowledge(seed, threshold=threshold),
        {"seed": seed},
        {"clean_window_z": rng.integers(-9, 9, (4, 60, 2), dtype=np.int16)},
    )


def random_knowledge(seed: int, *, threshold: float = 1.0) -> Knowledge:
    """Return knowledge whose surprise and scales rise as trained ones do."""
    rng = np.random.default_rng(seed)
    slopes = {name: rng.uniform(0.05, 0.4, part.columns) for name, part in PARTS.items()}
    return Knowledge(
        networks={
            name: _weights(rng, classifier_shapes(NETWORK_INPUTS[name]), 1.5 / np.sqrt(NETWORK_INPUTS[name]))
            for name in CLASSIFIERS
        },
        tables={name: _half(GRID[:, None] * slope) for name, slope in slopes.items()},
        expectations={name: _expectations(rng) for name in SITUATIONS},
        situations={name: Situation(_scales(0.1 * place), threshold) for place, name in enumerate(SITUATIONS)},
        population=Measure(
            *(
                np.array(values, np.float32)
                for values in ((84.0, 18.0), (14.0, 4.0), (0.3, 0.4), (0.1, 0.1), (0.4, 0.5, 0.3, 0.4))
            )
        ),
    )


def _scales(lowered: float) -> dict[str, CommonScale]:
    g = (-1.0 - lowered, 0.5 - lowered, 3.0 - lowered)
    knots = {True: (0.0, 8.0, 40.0), False: (-6.0, 0.0, 6.0)}
    return {kind: CommonScale(knots[kind in TAIL_KINDS], g) for kind in SCORED_KINDS}


def _expectations(rng: np.random.Generator) -> Expectations:
    drawn = {}
    for field in fields(Expectations):
        low, high = (-0.5, 0.5) if field.name in CENTRES else (0.0, 1.0) if field.name == "carried" else (0.5, 1.5)
        drawn[field.name] = rng.uniform(low, high, len(FEATURES)).astype(np.float32)
    return Expectations(**drawn)


def _weights(rng: np.random.Generator, shapes: Shapes, sd: float) -> Weights:
    return {name: rng.normal(0, sd, shape).astype(np.float32) for name, shape in shapes.items()}


def _half(table: np.ndarray) -> np.ndarray:
    """As it comes back from a file, which stores tables in 16 bits."""
    return table.astype(np.float16).astype(np.float32)
