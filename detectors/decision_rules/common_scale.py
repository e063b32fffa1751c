"""The default rule: every kind of score on one scale, against a threshold fixed on clean calibration devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from contracts.rule_names import RuleName
from detectors.common_scale import CommonScale
from detectors.decision_rules.base import Floats
from detectors.knowledge import Situation
from detectors.votes import KINDS


@dataclass(frozen=True, slots=True)
class CommonScaleRule:
    """See `base.Rule`.

    The threshold is the population's, whatever the device's own scores were: a device that was poisoned from its first
    minute does not teach us that poison is normal.
    """

    name: RuleName = "common-scale"
    kinds: frozenset[str] = frozenset(KINDS)

    def scales(self, situation: Situation) -> Mapping[str, CommonScale]:
        return situation.scales

    def threshold(self, situation: Situation, enrolment: Callable[[], Floats]) -> float:  # noqa: ARG002 - on purpose
        return situation.threshold


COMMON_SCALE: Final = CommonScaleRule()
