"""Slow drift: both vital signs rise over a day and stay there."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals

DRIFT_MIN: Final = 1440


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Add a ramp that reaches the level's rise after 24 hours and is held from then on.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [82.0, 83.0, 84.0, 85.1]
    """
    heart_rate_rise_bpm, resp_rate_rise_bpm = amounts
    share = np.minimum(1.0, (span.elapsed_min + 1.0) / DRIFT_MIN)
    return span.heart_rate_bpm + heart_rate_rise_bpm * share, span.resp_rate_bpm + resp_rate_rise_bpm * share


ATTACK = Attack(
    name="slow-drift",
    summary=f"a ramp over {DRIFT_MIN // 60} h, then held",
    parameters=(Parameter("HR rise", "bpm"), Parameter("RR rise", "/min")),
    levels={"subtle": (6.0, 2.0), "medium": (12.0, 4.0), "strong": (24.0, 8.0)},
    alter=alter,
)
