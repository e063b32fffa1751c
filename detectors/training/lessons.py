"""From training rows to knowledge: surprise tables from clean rows, then the three networks, each on the rows that can teach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import PARTS
from detectors.features.catalogue import FAST_PART, RESIDUAL_PART, SLOW_PART
from detectors.reading import network_inputs
from detectors.surprise import fit_surprise
from detectors.training.distorted import DISTORTION_NAMES
from detectors.training.judging import reading_of
from detectors.training.labelled_rows import CLEAN, DISTORTED, LabelledRows
from detectors.training.network_fit import fit_network
from detectors.weight_layout import CLASSIFIERS

Floats = NDArray[np.float32]
Case = tuple[str, str]
Report = Callable[[float, str], None]

# How much each kind of row weighs in all, whatever their number: clean hours, hours of the ill, attacks, distortions.
CLEAN_MASS: Final = 2.0
ILL_MASS: Final = 1.0
ATTACK_MASS: Final = 1.0
DISTORTION_MASS: Final = 0.35
# Attacks that no window shows, by what they are: to call them attacks would teach the networks to flag the healthy.
UNLEARNABLE: Final = frozenset(
    {
        *((name, "subtle") for name in (
            "data-poisoning-1", "data-poisoning-2", "amplitude", "backdoor-1", "backdoor-2", "bias", "time-shift", "mirror-flip", "spoof",
        )),
        *((name, "medium") for name in ("backdoor-1", "bias", "spoof", "time-shift", "mirror-flip")),
        *((name, level) for name in ("slow-drift", "dropout", "replay", "jittered-replay") for level in ("subtle", "medium", "strong")),
    }
)  # fmt: skip
_PART_OF: Final = {"signal": FAST_PART, "residual": RESIDUAL_PART, "slow": SLOW_PART}


@dataclass(frozen=True, slots=True)
class Curriculum:
    """What may be learnt from: all but these attack families, these distortions, and these features (places)."""

    without_families: frozenset[str] = frozenset()
    without_distortions: frozenset[str] = frozenset()
    ignored: tuple[int, ...] = ()
    distortions: bool = True


@dataclass(frozen=True, slots=True)
class Lessons:
    """The tables and networks that were learnt, by name."""

    tables: Mapping[str, Floats]
    networks: Mapping[str, Mapping[str, Floats]]
    counts: Mapping[str, int] = field(default_factory=dict)


def fit_tables(rows: LabelledRows) -> dict[str, Floats]:
    """Return the surprise tables by part, from healthy rows; rounded as a bundle stores them."""
    healthy = rows.r[(rows.case == CLEAN) & ~rows.ill].astype(np.float32)
    tables = {}
    for name, part in PARTS.items():
        r = healthy[:, _PART_OF[name]]
        known = np.isfinite(r).all(axis=1)
        tables[name] = fit_surprise(part.with_joint(r[known])).astype(np.float16).astype(np.float32)
    return tables


def learn(
    rows: LabelledRows,
    cases: Sequence[Case],
    tables: Mapping[str, Floats],
    *,
    epochs: int,
    seed: int,
    report: Report,
    curriculum: Curriculum = Curriculum(),
) -> Lessons:
    """Train the networks on what the curriculum allows."""
    allowed = _allowed(rows, cases, curriculum)
    inputs, slow_at = _all_inputs(rows, tables, curriculum)
    networks, counts = {}, {}
    for place, name in enumerate(CLASSIFIERS):
        at = slow_at if name == "slow" else np.arange(len(rows))
        teaches = rows.half_day if name == "slow" else rows.hour
        chosen = (allowed & (teaches | (rows.case == CLEAN)))[at]
        at = at[chosen]
        label = (rows.case[at] != CLEAN).astype(np.float32)
        stage = _share_of(report, place, len(CLASSIFIERS), name)
        networks[name] = fit_network(
            inputs[name][chosen], label, _weights(rows, at), epochs=epochs, seed=seed, report=stage
        )
        counts[name] = len(at)
    return Lessons(tables, networks, counts)


def _all_inputs(
    rows: LabelledRows, tables: Mapping[str, Floats], curriculum: Curriculum
) -> tuple[dict[str, Floats], NDArray[np.int64]]:
    reading = reading_of(tables, rows.r, curriculum.ignored)
    return network_inputs(reading), reading.slow_at


def _allowed(rows: LabelledRows, cases: Sequence[Case], curriculum: Curriculum) -> NDArray[np.bool_]:
    good = np.array([case not in UNLEARNABLE and case[0] not in curriculum.without_families for case in cases])
    forbidden = sum(1 << DISTORTION_NAMES.index(name) for name in curriculum.without_distortions)
    attacked = (rows.case >= 0) & good[np.maximum(rows.case, 0)]
    distorted = (rows.case == DISTORTED) & ((rows.distortions & forbidden) == 0) & curriculum.distortions
    allowed: NDArray[np.bool_] = (rows.case == CLEAN) | attacked | distorted
    return allowed


def _weights(rows: LabelledRows, at: NDArray[np.int64]) -> Floats:
    """Give each kind of row its mass, shared evenly among its rows; the mean weight is 1."""
    weight = np.zeros(len(at), np.float32)
    case, ill = rows.case[at], rows.ill[at]
    for mass, kind in (
        (CLEAN_MASS, (case == CLEAN) & ~ill),
        (ILL_MASS, (case == CLEAN) & ill),
        (ATTACK_MASS, case >= 0),
        (DISTORTION_MASS, case == DISTORTED),
    ):
        weight[kind] = mass / max(int(kind.sum()), 1)
    return weight * np.float32(len(at) / weight.sum())


def _share_of(report: Report, place: int, places: int, name: str) -> Report:
    return lambda share, text: report((place + share) / places, f"{name}: {text}")
