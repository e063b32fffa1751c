"""Time shift: the heart rate comes late, the respiratory rate does not."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import values_ago
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Delay the heart rate, its gaps included, by the level's minutes.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 3, 6)
    >>> alter(span, (2.0,), np.random.default_rng(1))[0].tolist()
    [81.0, 82.0, 83.0]
    """
    delay_min = _delay_min(amounts)
    return values_ago(span, span.recording.heart_rate_bpm, delay_min), span.resp_rate_bpm


def _delay_min(amounts: Amounts) -> int:
    return int(amounts[0])


ATTACK = Attack(
    name="time-shift",
    summary="heart rate delayed against respiratory rate",
    parameters=(Parameter("HR delay", "min"),),
    levels={"subtle": (10.0,), "medium": (30.0,), "strong": (120.0,)},
    alter=alter,
    past_min=_delay_min,
    channels="hr",
    repeats=True,
)
