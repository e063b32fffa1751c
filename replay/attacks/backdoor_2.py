"""Backdoor by a periodic trigger: the same short bump at a fixed period."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals

PERIOD_MIN = 30
BUMP_MIN = 8


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Raise the first 8 minutes of every 30 by the level's heights. The minutes between stay as they are.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [98.0, 99.0, 100.0, 101.0]
    """
    heart_rate_bump_bpm, resp_rate_bump_bpm = amounts
    bump = np.mod(span.elapsed_min, PERIOD_MIN) < BUMP_MIN
    return span.heart_rate_bpm + heart_rate_bump_bpm * bump, span.resp_rate_bpm + resp_rate_bump_bpm * bump


ATTACK = Attack(
    name="backdoor-2",
    summary=f"periodic trigger: an {BUMP_MIN}-minute bump every {PERIOD_MIN} minutes",
    parameters=(Parameter("HR bump", "bpm"), Parameter("RR bump", "/min")),
    levels={"subtle": (4.0, 1.5), "medium": (8.0, 3.0), "strong": (16.0, 6.0)},
    alter=alter,
)
