"""The default rule: DNNs and family-free score on one scale, averaged. Rules without training beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.messages.verdicts import RuleName
from detectors.array_types import Floats
from detectors.decisions.rule import Judged
from detectors.decisions.votes import KEPT, KINDS, RULES, voted
from detectors.scoring.components import SCORED, DetectorParameters

SUSPECT_MARGIN: Final = 0.3  # a factor of two in false exclusions


@dataclass(frozen=True, slots=True)
class CommonScaleRule:
    """See `rule.Rule`.

    The threshold is the population's, whatever the device's own scores were: a device that was poisoned from its first
    minute does not teach us that poison is normal.
    """

    name: RuleName = "common-scale"
    margin: float = SUSPECT_MARGIN

    def threshold(self, parameters: DetectorParameters, enrolment_logits: Floats) -> float:  # noqa: ARG002 - on purpose
        return parameters.threshold

    def judge(self, parameters: DetectorParameters, last: Floats, threshold: Floats) -> Judged:
        score, kinds = self._scores(parameters, voted(last), threshold)
        alone = [self._scores(parameters, last[:, place], threshold)[0] >= threshold for place in range(KEPT)]
        return Judged(score, kinds, np.stack(alone, axis=1))

    def _scores(self, parameters: DetectorParameters, values: Floats, threshold: Floats) -> tuple[Floats, Floats]:
        """Return (score float64[R], scores by kind float64[R, 7]). A rule's value is put on the threshold's scale."""
        by_kind = values.copy()
        for kind in SCORED:
            place = KINDS.index(kind)
            by_kind[:, place] = parameters.scales[kind].of(values[:, place])
        first = len(KINDS) - len(RULES)
        by_kind[:, first:] = rule_scores(values[:, first:], threshold[:, None])
        combined = parameters.scales["combined"].of(by_kind[:, : len(SCORED)].mean(axis=1))
        return np.maximum(combined, by_kind[:, first:].max(axis=1)), by_kind


def rule_scores(values: Floats, threshold: Floats) -> Floats:
    """Return rules' values, by their limits, on the threshold's scale: 1 is the threshold, 0 lies below it by more than the margin.

    >>> rule_scores(np.array([0.5, 1.0, 2.0]), np.array([3.0])).tolist()
    [1.5, 3.0, 6.0]
    """
    return np.asarray(threshold + (np.maximum(values, 0) - 1) * np.maximum(threshold, 1))


COMMON_SCALE: Final = CommonScaleRule()
