"""Votes: what the last decisions of a device agree on, so that a single odd hour excludes nobody."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Floats
from detectors.scoring.common_scale import NOTHING

KINDS: Final = ("fast", "slow", "family_free", "copy", "frozen", "replay", "pulse")
"""What a decision says: logits above the own past's, the family-free score, and the rules' values by their limits."""
RULES: Final = KINDS[3:]
AGREE: Final = {"fast": 4, "slow": 4, "family_free": 4, "copy": 2, "frozen": 2, "replay": 2, "pulse": 2}
KEPT: Final = 4


def no_votes(devices: int) -> Floats:
    """Return float64[devices, 4, 7] of devices that nothing was decided on.

    >>> no_votes(2).shape
    (2, 4, 7)
    """
    return np.full((devices, KEPT, len(KINDS)), NOTHING)


def pushed(last: Floats, decision: Floats) -> Floats:
    """Return the last four decisions float64[R, 4, 7], newest last, with a new one float64[R, 7].

    >>> pushed(no_votes(1), np.ones((1, len(KINDS))))[0, -1].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    return np.concatenate([last[:, 1:], decision[:, None]], axis=1)


def voted(last: Floats) -> Floats:
    """Return float64[R, 7]: the smallest value of the last four decisions (rules: two), by kind.

    >>> voted(np.arange(4.0)[None, :, None] * np.ones(len(KINDS)))[0].tolist()
    [0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0]
    """
    return np.stack([last[:, -AGREE[kind] :, place].min(axis=1) for place, kind in enumerate(KINDS)], axis=1)


def stream_votes(values: Floats, agree: int) -> Floats:
    """Return float64[k]: the smallest of the last `agree` decisions of a stream. Before its first there is none."""
    padded = np.concatenate([np.full(agree - 1, NOTHING), values])
    return np.asarray(np.min([padded[first : first + len(values)] for first in range(agree)], axis=0))
