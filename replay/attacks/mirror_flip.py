"""Mirror flip: some 20-minute blocks are turned upside down about the device's own median."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import median, usual_values
from replay.recording import Vitals

BLOCK_MIN: Final = 20


def alter(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Mirror the level's share of blocks, drawn by the seed and at least one, about the median of the 12 hours before.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [85.0, 84.0, 83.0, 82.0]
    """
    (share,) = amounts
    blocks = -(-span.minutes // BLOCK_MIN)
    flipped = np.zeros(blocks, dtype=np.bool_)
    flipped[generator.permutation(blocks)[: max(1, round(share * blocks))]] = True
    inside = np.repeat(flipped, BLOCK_MIN)[: span.minutes]

    def mirrored(channel: Vitals, values: Vitals) -> Vitals:
        return np.where(inside, 2 * median(usual_values(span, channel)) - values, values)

    return span.change_both(mirrored)


ATTACK = Attack(
    name="mirror-flip",
    summary=f"{BLOCK_MIN}-minute blocks mirrored about the own median (of the 12 h before the onset)",
    parameters=(Parameter("share mirrored", "of blocks"),),
    levels={"subtle": (0.1,), "medium": (0.3,), "strong": (1.0,)},
    alter=alter,
)
