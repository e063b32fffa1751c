"""Motif: the device's last minutes before the onset are repeated over and over."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import measured, minutes_of
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, _generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Repeat each channel's last measured minutes before the onset, as many as the level's period.

    A channel that measured fewer repeats those, and one that measured none stays as it is.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [80.0, 81.0, 80.0, 81.0]
    """
    period_min = minutes_of(amounts)

    def repeated(channel: Vitals, values: Vitals) -> Vitals:
        segment = measured(channel[: span.onset_min])[-period_min:]
        return np.resize(segment, span.minutes) if len(segment) else values

    return span.change_both(repeated)


ATTACK = Attack(
    name="motif",
    summary="the last own segment before the onset, repeated",
    parameters=(Parameter("period", "min"),),
    levels={"subtle": (60.0,), "medium": (30.0,), "strong": (10.0,)},
    alter=alter,
    past_min=minutes_of,
    repeats=True,
)
