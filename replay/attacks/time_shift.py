"""Time shift: the heart rate comes late, the respiratory rate does not."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import minutes_of, values_ago
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Delay the heart rate, its gaps included, by the level's minutes.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 3, 6)
    >>> alter(span, (2.0,), np.random.default_rng(1))[0].tolist()
    [81.0, 82.0, 83.0]
    """
    return values_ago(span, span.recording.heart_rate_bpm, minutes_of(amounts)), span.resp_rate_bpm


ATTACK = Attack(
    name="time-shift",
    summary="heart rate delayed against respiratory rate",
    parameters=(Parameter("HR delay", "min"),),
    levels={"subtle": (10.0,), "medium": (30.0,), "strong": (120.0,)},
    alter=alter,
    past_min=minutes_of,
    channels="hr",
    repeats=True,
)
