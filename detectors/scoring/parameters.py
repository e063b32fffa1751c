"""All numbers that training found out and that scoring needs, beside the network's own weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detectors.baseline.references import Standardisation
from detectors.scoring.common_scale import CommonScale
from detectors.scoring.tails import Tails
from detectors.types import Floats32

Weights = Mapping[str, Floats32]

SCALES: Final = ("fast", "slow", "family_free", "combined")


@dataclass(frozen=True, slots=True)
class DetectorParameters:
    """`network` holds the Bi-LSTM's weights (empty: a detector without it), `classifiers` those of the DNNs `fast` and `slow`.

    `scales` by the names of `SCALES`; `threshold` is the limit on the combined scale.
    """

    network: Weights
    standardisation: Standardisation
    fast_tails: Tails
    slow_tails: Tails
    classifiers: Mapping[str, Weights]
    scales: Mapping[str, CommonScale]
    threshold: float
