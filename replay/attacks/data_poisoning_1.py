"""Data poisoning by added variability: zero-mean noise on both vital signs."""

from __future__ import annotations

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals


def alter(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Add Gaussian noise of the level's standard deviations, independent from minute to minute.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [85.5, 91.2, 87.3, 72.0]
    """
    heart_rate_sd_bpm, resp_rate_sd_bpm = amounts
    noise = generator.standard_normal((2, len(span.elapsed_min)))
    return span.heart_rate_bpm + heart_rate_sd_bpm * noise[0], span.resp_rate_bpm + resp_rate_sd_bpm * noise[1]


ATTACK = Attack(
    name="data-poisoning-1",
    summary="added variability: Gaussian noise on every minute",
    parameters=(Parameter("HR noise sd", "bpm"), Parameter("RR noise sd", "/min")),
    levels={"subtle": (2.0, 1.0), "medium": (4.0, 2.0), "strong": (10.0, 5.0)},
    alter=alter,
)
