"""The paper's rule (Fig. 3, Algorithm 1): the hour's score as a probability, against a threshold of the device's own scores.

The score is the sigmoid of the hour's networks; no other kind of score and no guard has a say, and nothing is calibrated on clean
devices. The threshold is frozen with the profile: clip(.99 - .5 sd - .3 mean - .2 |first - last|, .8, .99) of the last 24 hours of
enrolment. A window is flagged above it, and the vote of the hour's decisions, more than half of them flagged, excludes the device.

A device that still enrols has no threshold of its own in the paper. Here it fails closed: it is enrolling, never benign, so it takes
no part, and what the population makes of its hours is held against the lowest threshold that the rule knows. If the vote
goes against it, the device is quarantined and enrols again after two hours without a flag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from contracts.rule_names import RuleName
from detectors.decision_rules.base import Floats, Scale
from detectors.knowledge import Situation
from detectors.paper_rule import HISTORY_MIN, LOWEST, paper_threshold, probability
from detectors.scorer import SCORED_KINDS
from detectors.windows import BLOCK_MIN

KIND: Final = "hour"
HISTORY: Final = HISTORY_MIN // BLOCK_MIN


class Probability:
    """A logit as a probability 0..1."""

    def of(self, raw: Floats) -> Floats:
        return probability(raw).astype(np.float32)


class Unknown:
    """A kind of score that the rule does not look at."""

    def of(self, raw: Floats) -> Floats:
        return np.full_like(raw, np.nan)


_SCALES: Final[Mapping[str, Scale]] = MappingProxyType(
    dict.fromkeys(SCORED_KINDS, Unknown()) | {KIND: Probability()},
)


@dataclass(frozen=True, slots=True)
class PaperFig3Rule:
    """See `base.Rule` and above; a decision falls every five minutes, so that 288 scores are 24 hours."""

    name: RuleName = "paper-fig3"
    kinds: frozenset[str] = frozenset({KIND})

    def scales(self, situation: Situation) -> Mapping[str, Scale]:  # noqa: ARG002 - nothing is calibrated
        return _SCALES

    def threshold(self, situation: Situation, enrolment: Callable[[], Floats]) -> float:  # noqa: ARG002 - nothing is calibrated
        raw = enrolment()
        known = raw[np.isfinite(raw)]
        return paper_threshold(probability(known[-HISTORY:])) if len(known) else LOWEST


PAPER_FIG3: Final = PaperFig3Rule()
