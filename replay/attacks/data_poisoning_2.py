"""Data poisoning by pattern scaling: every value multiplied by one factor."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Multiply both vital signs by the level's factor."""
    (factor,) = amounts
    return span.heart_rate_bpm * factor, span.resp_rate_bpm * factor


ATTACK = Attack(
    name="data-poisoning-2",
    summary="pattern scaling: heart and respiratory rate multiplied",
    parameters=(Parameter("factor", "times"),),
    levels={"subtle": (1.1,), "medium": (1.3,), "strong": (2.0,)},
    alter=alter,
)
