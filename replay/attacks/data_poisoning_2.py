"""Data poisoning by pattern scaling: every value multiplied by one factor."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Multiply both vital signs by the level's factor.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [164.0, 166.0, 168.0, 170.0]
    """
    (factor,) = amounts
    return span.heart_rate_bpm * factor, span.resp_rate_bpm * factor


ATTACK = Attack(
    name="data-poisoning-2",
    summary="pattern scaling: heart and respiratory rate multiplied",
    parameters=(Parameter("factor", "times"),),
    levels={"subtle": (1.1,), "medium": (1.3,), "strong": (2.0,)},
    alter=alter,
)
