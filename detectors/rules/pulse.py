"""The pulse rule: the heart rate is not what the device's own pulse says, so one of them is made up."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from statistics import median
from typing import Final

import numpy as np

WINDOW_MIN: Final = 30
FEWEST: Final = 10
LIMIT_BPM: Final = 4.0
MARGIN_BPM: Final = 2.0
HIGHEST_LIMIT_BPM: Final = 10.0


class PulseGap:
    """The distance between heart rate and pulse over the last half hour: an attacker who reaches only one of them shows."""

    __slots__ = ("_gap_bpm", "_minutes")

    def __init__(self) -> None:
        self._minutes = array("q")
        self._gap_bpm = array("f")

    def push(self, event_minute: int, heart_rate_bpm: float, pulse_bpm: float) -> None:
        """Take in a minute that has both, later than all before."""
        self._minutes.append(event_minute)
        self._gap_bpm.append(abs(heart_rate_bpm - pulse_bpm))
        if len(self._minutes) > WINDOW_MIN:
            del self._minutes[0]
            del self._gap_bpm[0]

    def median_bpm(self, event_minute: int) -> float | None:
        """Return the median distance over the last 30 event minutes, or None with fewer than 10 of them."""
        recent = [
            gap for minute, gap in zip(self._minutes, self._gap_bpm, strict=True) if minute > event_minute - WINDOW_MIN
        ]
        return median(recent) if len(recent) >= FEWEST else None


def limit_bpm(enrolment_medians_bpm: Sequence[float]) -> float:
    """Return how far heart rate and pulse may lie apart, from the medians seen while enrolling (a deficit may be the patient's own)."""
    if not len(enrolment_medians_bpm):
        return LIMIT_BPM
    usual = float(np.quantile(enrolment_medians_bpm, 0.99)) + MARGIN_BPM
    return min(max(usual, LIMIT_BPM), HIGHEST_LIMIT_BPM)
