"""The paper's adaptive threshold (Fig. 3) and its rule for excluding a device (Algorithm 1): the arithmetic of the mode `paper-fig3`.

The rule looks only at the device's own scores: the more a device is attacked, the lower its threshold falls, but never below 0.8, and
a device that scores low throughout, attacked or not, keeps 0.99. Nothing ties it to what a clean device looks like.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from detectors.types import Floats

HISTORY_MIN: Final = 1440
HIGHEST: Final = 0.99
LOWEST: Final = 0.8
SD_WEIGHT: Final = 0.5
MEAN_WEIGHT: Final = 0.3
CHANGE_WEIGHT: Final = 0.2
EXCLUDE_ABOVE: Final = 0.5


def probability(logits: ArrayLike) -> Floats:
    """Return the sigmoid of logits of any shape, the paper's anomaly score 0..1; NaN stays NaN.

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
    """Return the share (0..1) of the last 24 hours' scores above the threshold; arguments and errors as above.

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
