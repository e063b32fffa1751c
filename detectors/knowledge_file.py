"""Knowledge as it lies in a bundle: arrays by name (safetensors), and the situations as JSON; shapes and values are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.common_scale import CommonScale
from detectors.evidence import NETWORK_INPUTS, PARTS
from detectors.features.catalogue import FEATURES
from detectors.knowledge import SITUATIONS, Knowledge, Situation
from detectors.measure import Measure
from detectors.scorer import SCORED_KINDS
from detectors.standardise import Expectations
from detectors.surprise import GRID
from detectors.weight_layout import CLASSIFIERS, classifier_shapes

Arrays = dict[str, NDArray[Any]]

MEASURE_WIDTHS: Final = {"median": 2, "scale": 2, "difference_sd": 2, "grid_bpm": 2, "residual_rms": 4}
DIVISORS: Final = ("/scale", "/difference_sd", "/grid_bpm", "spread", "/enrolment_variance")  # ends of names


class ScaleKnots(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knots of a map from raw scores to the common scale."""

    raw: list[float]
    g: list[float]


class SituationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One situation: knots by kind of score, and the limit on the common scale."""

    threshold: float
    scales: dict[str, ScaleKnots]


Situations = dict[str, SituationFile]


def encoded_knowledge(knowledge: Knowledge) -> tuple[Arrays, Situations]:
    """Return (arrays by name, situations), sorted; surprise tables are rounded to 16 bits as they are stored."""
    arrays: Arrays = {}
    for name, weights in knowledge.networks.items():
        arrays |= {f"network/{name}/{key}": array for key, array in weights.items()}
    arrays |= {f"surprise/{name}": table.astype(np.float16) for name, table in knowledge.tables.items()}
    for name, expected in knowledge.expectations.items():
        arrays |= {f"expected/{name}/{field.name}": getattr(expected, field.name) for field in fields(expected)}
    arrays |= {f"population/{name}": array for name, array in knowledge.population._asdict().items()}
    situations = {
        name: SituationFile(
            situation.threshold,
            {kind: ScaleKnots(list(scale.raw), list(scale.g)) for kind, scale in situation.scales.items()},
        )
        for name, situation in knowledge.situations.items()
    }
    return dict(sorted(arrays.items())), situations


def decoded_knowledge(arrays: Mapping[str, NDArray[Any]], situations: Situations) -> Knowledge:
    """Return the knowledge of a bundle; raises ValueError saying what does not fit this version."""
    _check_arrays(arrays)
    _check_situations(situations)
    networks = {
        name: {key: arrays[f"network/{name}/{key}"] for key in classifier_shapes(NETWORK_INPUTS[name])}
        for name in CLASSIFIERS
    }
    expectations = {
        name: Expectations(*(arrays[f"expected/{name}/{field.name}"] for field in fields(Expectations)))
        for name in SITUATIONS
    }
    return Knowledge(
        networks=networks,
        tables={name: arrays[f"surprise/{name}"].astype(np.float32) for name in PARTS},
        expectations=expectations,
        situations={name: _situation(situations[name]) for name in SITUATIONS},
        population=Measure(*(arrays[f"population/{name}"] for name in Measure._fields)),
    )


def _situation(found: SituationFile) -> Situation:
    scales = {kind: CommonScale(tuple(knots.raw), tuple(knots.g)) for kind, knots in found.scales.items()}
    return Situation(scales, found.threshold)


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    expected = _shapes()
    wrong = sorted(
        name
        for name in arrays.keys() | expected.keys()
        if name not in arrays or name not in expected or arrays[name].shape != expected[name]
    )
    if wrong:
        raise ValueError(f"wrong arrays: {', '.join(wrong[:5])}")
    for name, array in arrays.items():
        kind = np.float16 if name.startswith("surprise/") else np.float32
        if array.dtype != kind or not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite {kind.__name__}")
        if name.endswith(DIVISORS) and not (array > 0).all():
            raise ValueError(f"{name} is not above zero everywhere")


def _check_situations(situations: Situations) -> None:
    for name in SITUATIONS:
        if name not in situations or set(situations[name].scales) != set(SCORED_KINDS):
            raise ValueError(f"the situation {name} is missing or has other scores than this version computes")
        if not situations[name].threshold > 0:
            raise ValueError(f"the limit of the situation {name} is not above zero, where guards speak")
        for knots in situations[name].scales.values():
            if len(knots.raw) < 2 or len(knots.raw) != len(knots.g):
                raise ValueError(f"a scale of the situation {name} has other than two or more knots")
            if np.any(np.diff(knots.raw) <= 0) or np.any(np.diff(knots.g) < 0):
                raise ValueError(f"a scale of the situation {name} does not rise")


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name in CLASSIFIERS:
        shapes |= {f"network/{name}/{key}": shape for key, shape in classifier_shapes(NETWORK_INPUTS[name]).items()}
    shapes |= {f"surprise/{name}": (len(GRID), part.columns) for name, part in PARTS.items()}
    for name in SITUATIONS:
        shapes |= {f"expected/{name}/{field.name}": (len(FEATURES),) for field in fields(Expectations)}
    return shapes | {f"population/{name}": (width,) for name, width in MEASURE_WIDTHS.items()}
