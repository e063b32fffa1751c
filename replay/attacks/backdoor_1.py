"""Backdoor by gradual injection: the values drift up along a ramp and stay there."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Add a ramp that reaches the level's rise after its length and is held from then on.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [82.2, 83.5, 84.8, 86.0]
    """
    heart_rate_rise_bpm, resp_rate_rise_bpm, ramp_min = amounts
    share = np.minimum(1.0, (span.elapsed_min + 1.0) / ramp_min)
    return span.heart_rate_bpm + heart_rate_rise_bpm * share, span.resp_rate_bpm + resp_rate_rise_bpm * share


ATTACK = Attack(
    name="backdoor-1",
    summary="gradual injection: a ramp up, then held",
    parameters=(
        Parameter("HR rise", "bpm"),
        Parameter("RR rise", "/min"),
        Parameter("ramp", "min"),
    ),
    levels={"subtle": (8.0, 3.0, 360.0), "medium": (15.0, 5.0, 180.0), "strong": (30.0, 10.0, 120.0)},
    alter=alter,
)
