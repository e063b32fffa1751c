"""The paper's rule (Fig. 3, Algorithm 1): the DNN's score as a probability, against a threshold of the device's own scores.

No other kind of score and no rule has a say, and nothing is calibrated on clean devices. The threshold is frozen with the
profile: clip(.99 - .5 sd - .3 mean - .2 |first - last|, .8, .99) of the last 24 hours of enrolment. More than half of the
last hour's four decisions above it exclude the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.verdicts import RuleName
from detectors.decisions.paper_threshold import HISTORY_MIN, LOWEST, paper_threshold, probability
from detectors.decisions.rule import Judged
from detectors.decisions.votes import KINDS
from detectors.minutes.windows import STEP_MIN
from detectors.scoring.parameters import DetectorParameters
from detectors.types import Floats

KIND: Final = "fast"
DECISIONS_A_DAY: Final = HISTORY_MIN // STEP_MIN
MORE_THAN_HALF: Final = 3  # of four


@dataclass(frozen=True, slots=True)
class PaperFig3Rule:
    """See `rule.Rule` and above."""

    name: RuleName = "paper-fig3"
    margin: float = 0.0

    def threshold(self, parameters: DetectorParameters, enrolment_logits: Floats) -> float:  # noqa: ARG002 - nothing is calibrated
        if not len(enrolment_logits):
            return LOWEST
        return paper_threshold(probability(enrolment_logits[-DECISIONS_A_DAY:]))

    def judge(self, parameters: DetectorParameters, last: Floats, threshold: Floats) -> Judged:  # noqa: ARG002 - as above
        place = KINDS.index(KIND)
        scores = probability(np.maximum(last[:, :, place], -700.0))
        score = np.sort(scores, axis=1)[:, -MORE_THAN_HALF]
        kinds = np.full((len(last), len(KINDS)), np.nan)
        kinds[:, place] = score
        # Above, not at, the threshold: both are probabilities, and equal ones exclude nobody.
        above = np.where(score > threshold, score, np.minimum(score, np.nextafter(threshold, 0)))
        return Judged(above, kinds, scores > threshold[:, None])


PAPER_FIG3: Final = PaperFig3Rule()
