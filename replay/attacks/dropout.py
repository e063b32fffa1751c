"""Dropout: minutes go missing in bursts."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.recording import Vitals

SHORTEST_BURST_MIN: Final = 5
LONGEST_BURST_MIN: Final = 40


def alter(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Make the level's share of the span's minutes missing, both channels at once, at least one minute.

    >>> from replay.recording import Recording
    >>> span = AttackedSpan(Recording("p1", 0, np.arange(80.0, 86.0), np.full(6, 16.0)), 2, 6)
    >>> alter(span, ATTACK.levels["strong"], np.random.default_rng(1))[0].round(1).tolist()
    [82.0, nan, nan, 85.0]
    """
    (share,) = amounts
    lost = _bursts(max(1, round(share * span.minutes)), span.minutes, generator)
    return np.where(lost, np.nan, span.heart_rate_bpm), np.where(lost, np.nan, span.resp_rate_bpm)


def _bursts(lost_min: int, minutes: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Return where exactly `lost_min` of the minutes are lost, in bursts apart from one another. The last is cut to fit."""
    lengths = generator.integers(SHORTEST_BURST_MIN, LONGEST_BURST_MIN + 1, -(-lost_min // SHORTEST_BURST_MIN))
    ends = np.minimum(np.cumsum(lengths), lost_min)
    lengths = np.diff(ends[: int(np.searchsorted(ends, lost_min)) + 1], prepend=0)
    kept_min = minutes - lost_min
    before = np.sort(generator.choice(kept_min + 1, min(len(lengths), kept_min + 1), replace=False))
    runs = np.zeros(2 * len(lengths) + 1, dtype=np.int64)  # kept, lost, kept, ..., kept
    runs[1::2] = lengths
    runs[0 : 2 * len(before) : 2] = np.diff(before, prepend=0)
    runs[-1] = kept_min - before[-1]
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


ATTACK = Attack(
    name="dropout",
    summary=f"minutes missing, in bursts of {SHORTEST_BURST_MIN} to {LONGEST_BURST_MIN} minutes",
    parameters=(Parameter("share missing", "of minutes"),),
    levels={"subtle": (0.1,), "medium": (0.3,), "strong": (0.6,)},
    alter=alter,
)
