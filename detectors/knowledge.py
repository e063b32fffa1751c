"""All that training found out, beside the autoencoders: networks, surprise tables, expectations, scales and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.common_scale import CommonScale
from detectors.measure import Measure
from detectors.standardise import Expectations

Floats = NDArray[np.float32]

ENROLLING: Final = "enrolling"
ENROLMENTS_MIN: Final = (600, 1440)
SITUATIONS: Final = (ENROLLING, *map(str, ENROLMENTS_MIN))


@dataclass(frozen=True, slots=True)
class Situation:
    """How scores are read of devices that enrol, or that enrolled for so long: map to the common scale by kind, and the limit on it."""

    scales: Mapping[str, CommonScale]
    threshold: float


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All of it, by name.

    `networks` and `tables` by the names signal, residual and slow; `expectations` and `situations` by those of
    `SITUATIONS`; `population` is the measure of a device without a profile.
    """

    networks: Mapping[str, Mapping[str, Floats]]
    tables: Mapping[str, Floats]
    expectations: Mapping[str, Expectations]
    situations: Mapping[str, Situation]
    population: Measure


def situation_for(enrolment_min: int) -> str:
    """Return the name of the longest calibrated enrolment that is not longer than this one (the shortest, if all are)."""
    fitting = [length for length in ENROLMENTS_MIN if length <= enrolment_min]
    return str(max(fitting) if fitting else min(ENROLMENTS_MIN))
