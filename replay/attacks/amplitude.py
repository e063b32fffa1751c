"""Amplitude: the swings about the device's own median grow, the median itself stays."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import median, usual_values
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Multiply each value's distance from the median of the 12 hours before the onset by the level's factor.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [79.0, 82.0, 85.0, 88.0]
    """
    (factor,) = amounts

    def swung(channel: Vitals, values: Vitals) -> Vitals:
        centre = median(usual_values(span, channel))
        return centre + factor * (values - centre)

    return span.change_both(swung)


ATTACK = Attack(
    name="amplitude",
    summary="swings about the own median (of the 12 h before the onset) multiplied",
    parameters=(Parameter("factor", "times"),),
    levels={"subtle": (1.3,), "medium": (1.8,), "strong": (3.0,)},
    alter=alter,
)
