"""What a decision rule is: the scale its scores are read on, a device's threshold there, and which kinds of score vote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.rule_names import RuleName
from detectors.knowledge import Situation

Floats = NDArray[np.float32]


class Scale(Protocol):
    """Turns raw scores of one kind into what is held against the threshold; higher is more anomalous."""

    def of(self, raw: Floats) -> Floats:
        """Return scores of raw ones, of any shape; NaN (not known) stays NaN."""
        ...


class Rule(Protocol):
    """Pure: the same arguments give the same answer, live and offline."""

    @property
    def name(self) -> RuleName:
        """Recorded in every profile frozen under the rule."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of `votes.KINDS` that a device is judged by; all others are neither shown nor voted on."""
        ...

    def scales(self, situation: Situation) -> Mapping[str, Scale]:
        """Return the scale of every kind in `scorer.SCORED_KINDS`."""
        ...

    def threshold(self, situation: Situation, enrolment: Callable[[], Floats]) -> float:
        """Return the threshold of a device on that scale.

        `enrolment()` float32[n] computes the raw scores (logits) of the hour at its enrolment's decisions, oldest first, as its
        own profile reads them; n = 0 for a device without a profile, or one whose enrolment held no usable hour.
        """
        ...
