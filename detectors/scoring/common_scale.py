"""One scale for scores of every kind: g = -log10 of the false exclusions a device-week that a vote at that value costs.

A score of 1 on it would exclude a clean device once in ten weeks. It is learnt on clean calibration devices, never on
attacks: `peaks` are the highest independent votes on their streams, each more than four hours from the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.array_types import Bools, Floats

APART: Final = 16  # decisions, 4 h
NOTHING: Final = -1e3
HIGHEST_G: Final = 12.0


@dataclass(frozen=True, slots=True)
class CommonScale:
    """Knots of a rising map: `value` float64[n] rising, `g` float64[n]. Log-linear above the highest with `slope` (units of value a g)."""

    value: Floats
    g: Floats
    slope: float

    def of(self, value: Floats) -> Floats:
        """Return g of votes, of any shape."""
        inside = np.interp(value, self.value, self.g)
        beyond = self.g[-1] + (value - self.value[-1]) / self.slope
        return np.minimum(np.where(value > self.value[-1], beyond, inside), HIGHEST_G)


def scale_of(peaks: Floats, weeks: float) -> CommonScale:
    """Return the scale of the peaks float64[n] (falling, n >= 4) found in so many device-weeks."""
    g = -np.log10(np.arange(1, len(peaks) + 1) / weeks)
    step = max(3, min(20, len(peaks) // 10))
    slope = max(float((peaks[0] - peaks[step]) / (g[0] - g[step])), 1e-3)
    return CommonScale(peaks[::-1].copy(), g[::-1].copy(), slope)


def peaks_of(votes: Floats, judged: Bools) -> list[float]:
    """Return the independent peaks of one clean stream's votes float64[k], largest first."""
    return [float(votes[at]) for at in peak_places(votes, judged)]


def peak_places(votes: Floats, judged: Bools) -> list[int]:
    """Return where these peaks lie."""
    left = np.where(judged, votes, NOTHING)
    places: list[int] = []
    while len(left) and left.max() > NOTHING + 1:
        at = int(left.argmax())
        places.append(at)
        left[max(0, at - APART) : at + APART + 1] = NOTHING
    return places


def threshold_of(peaks: Floats, weeks: float, budget: float) -> float:
    """Return the threshold midway between the last peak that the budget (false exclusions a device-week) pays for and the next."""
    paid = int(budget * weeks)
    return float((peaks[paid] + peaks[paid - 1]) / 2) if paid else float(peaks[0] + 0.01)
