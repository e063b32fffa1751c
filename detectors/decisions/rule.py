"""What a decision rule is: how a device's last decisions become a score, and the threshold it is held against."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from contracts.messages.verdicts import RuleName
from detectors.array_types import Bools, Floats
from detectors.scoring.components import DetectorParameters


class Judged(NamedTuple):
    """What R devices' last decisions come to.

    `score` float64[R] on the rule's scale; `kinds` float64[R, 7] the same by kind (NaN: not used by the rule); `over` bool[R, 4]: whether
    each of the last four decisions was over the threshold by itself.
    """

    score: Floats
    kinds: Floats
    over: Bools


class Rule(Protocol):
    """Pure: the same arguments give the same answer, live and offline."""

    @property
    def name(self) -> RuleName:
        """Recorded in every profile frozen under the rule."""
        ...

    @property
    def margin(self) -> float:
        """So far below the threshold a score already makes a device suspect."""
        ...

    def threshold(self, parameters: DetectorParameters, enrolment_logits: Floats) -> float:
        """Return a device's threshold. `enrolment_logits` float64[n] are the fast DNN's over its enrolment (n = 0: none yet)."""
        ...

    def judge(self, parameters: DetectorParameters, last: Floats, threshold: Floats) -> Judged:
        """Judge the last four decisions float64[R, 4, 7] against thresholds float64[R]. Flagged is `score >= threshold`."""
        ...
