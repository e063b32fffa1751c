"""Replay: the device's own past is sent again, exactly."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import minutes_of, values_ago
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Return what the recording holds the level's lag before each minute, its gaps included.

    The past is that of the recording as the attack found it: a span longer than the lag does not repeat itself.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 3, 6)
    >>> alter(span, (2.0,), np.random.default_rng(1))[0].tolist()
    [81.0, 82.0, 83.0]
    """
    return span.change_both(lambda channel, _: values_ago(span, channel, minutes_of(amounts)))


ATTACK = Attack(
    name="replay",
    summary="the own past sent again, exactly",
    parameters=(Parameter("lag", "min"),),
    levels={"subtle": (1440.0,), "medium": (720.0,), "strong": (360.0,)},
    alter=alter,
    past_min=minutes_of,
    repeats=True,
)
