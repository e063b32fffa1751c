"""Jittered replay: the device's own past is sent again, each value moved by a whole step or not at all."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import minutes_of, values_ago
from replay.recording import Vitals

JITTER_BPM: Final = 1


def alter(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Return what the recording holds the level's lag ago, plus -1, 0 or +1 (bpm, breaths/min), each equally likely.

    The steps are drawn for each minute and channel. Gaps of the past are sent again too.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 3, 6)
    >>> alter(span, (2.0,), np.random.default_rng(1))[0].tolist()
    [81.0, 82.0, 84.0]
    """
    lag_min = minutes_of(amounts)
    jitter = generator.integers(-JITTER_BPM, JITTER_BPM + 1, (2, span.minutes))
    return (
        values_ago(span, span.recording.heart_rate_bpm, lag_min) + jitter[0],
        values_ago(span, span.recording.resp_rate_bpm, lag_min) + jitter[1],
    )


ATTACK = Attack(
    name="jittered-replay",
    summary=f"the own past sent again, each value moved by -{JITTER_BPM}, 0 or +{JITTER_BPM}",
    parameters=(Parameter("lag", "min"),),
    levels={"subtle": (1440.0,), "medium": (720.0,), "strong": (360.0,)},
    alter=alter,
    past_min=minutes_of,
)
