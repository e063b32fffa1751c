"""The paper's rule (Fig. 3, Algorithm 1): the DNN's score as a probability, against a threshold of the device's own scores.

No other kind of score and no rule has a say, and nothing is calibrated on clean devices. The threshold is frozen with the
profile: clip(.99 - .5 sd - .3 mean - .2 |first - last|, .8, .99) of the last 24 hours of enrolment. More than half of the
last hour's four decisions above it exclude the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from contracts.messages.verdicts import RuleName
from detectors.array_types import Floats
from detectors.decisions.rule import Judged
from detectors.decisions.votes import KINDS
from detectors.minutes.windows import STEP_MIN
from detectors.scoring.components import DetectorParameters

HISTORY_MIN: Final = 1440
HIGHEST: Final = 0.99
LOWEST: Final = 0.8
SD_WEIGHT: Final = 0.5
MEAN_WEIGHT: Final = 0.3
CHANGE_WEIGHT: Final = 0.2
EXCLUDE_ABOVE: Final = 0.5


def probability(logits: ArrayLike) -> Floats:
    """Return the sigmoid of logits of any shape, the paper's anomaly score 0..1. NaN stays NaN.

    >>> probability([0.0, 100.0]).tolist()
    [0.5, 1.0]
    """
    scores: Floats = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    return scores


def paper_threshold(scores: ArrayLike) -> float:
    """Return the threshold of a device: clip(.99 - .5 sd - .3 mean - .2 |first - last|, .8, .99) over its last 24 hours.

    `scores` float[n] are anomaly scores 0..1, one a minute, oldest first; of more than 1440 only the last 1440 count, fewer
    are all used. sd is that of the values themselves (not divided by n - 1). Raises ValueError for none, or one outside 0..1.

    >>> paper_threshold([0.0, 0.0]), paper_threshold([1.0, 1.0])
    (0.99, 0.8)
    """
    last_day = _scores(scores)[-HISTORY_MIN:]
    change = abs(last_day[0] - last_day[-1])
    lowered = SD_WEIGHT * last_day.std() + MEAN_WEIGHT * last_day.mean() + CHANGE_WEIGHT * change
    return float(np.clip(HIGHEST - lowered, LOWEST, HIGHEST))


def flagged_share(scores: ArrayLike, threshold: float) -> float:
    """Return the share (0..1) of the last 24 hours' scores above the threshold. Arguments and errors as above.

    >>> flagged_share([0.1, 0.9, 0.95, 0.2], threshold=0.8)
    0.5
    """
    return float(np.mean(_scores(scores)[-HISTORY_MIN:] > threshold))


def is_excluded(share: float) -> bool:
    """Return whether a device with this share of flagged windows sits federated learning out.

    >>> is_excluded(0.5), is_excluded(0.51)
    (False, True)
    """
    return share > EXCLUDE_ABOVE


def _scores(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, np.float64)
    if not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"{len(values)} scores; at least one is needed, each from 0 to 1")
    return values


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
