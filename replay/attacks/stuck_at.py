"""Stuck at: both vital signs stay at their median before the onset, with a little noise or none."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import median, usual_values
from replay.recording import Vitals

MEDIAN_OF_MIN: Final = 30


def alter(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Return the median of the 30 minutes before the onset (of the span where none was measured) plus Gaussian noise.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [80.5, 80.5, 80.5, 80.5]
    """
    heart_rate_sd_bpm, resp_rate_sd_bpm = amounts
    noise = generator.standard_normal((2, span.minutes))

    def level(channel: Vitals) -> float:
        return median(usual_values(span, channel, MEDIAN_OF_MIN, least_min=1))

    return (
        level(span.recording.heart_rate_bpm) + heart_rate_sd_bpm * noise[0],
        level(span.recording.resp_rate_bpm) + resp_rate_sd_bpm * noise[1],
    )


ATTACK = Attack(
    name="stuck-at",
    summary=f"stuck at the median of the {MEDIAN_OF_MIN} minutes before the onset, with noise",
    parameters=(Parameter("HR noise sd", "bpm"), Parameter("RR noise sd", "/min")),
    levels={"subtle": (1.0, 1.0), "medium": (0.5, 0.5), "strong": (0.0, 0.0)},
    alter=alter,
)
