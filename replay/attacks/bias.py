"""Bias: a constant offset on both vital signs."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Add the level's offsets to every minute.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [94.0, 95.0, 96.0, 97.0]
    """
    heart_rate_offset_bpm, resp_rate_offset_bpm = amounts
    return span.heart_rate_bpm + heart_rate_offset_bpm, span.resp_rate_bpm + resp_rate_offset_bpm


ATTACK = Attack(
    name="bias",
    summary="a constant offset on every minute",
    parameters=(Parameter("HR offset", "bpm"), Parameter("RR offset", "/min")),
    levels={"subtle": (3.0, 1.0), "medium": (6.0, 2.0), "strong": (12.0, 4.0)},
    alter=alter,
)
