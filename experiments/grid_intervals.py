"""Point values with 95 % intervals: Wilson for shares, exact Poisson for rates, bootstrap over devices for the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

Z_95: Final = 1.959963984540054
OUTSIDE: Final = 0.025


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its 95 % interval, and the number of devices (or device-weeks, episodes) that it rests on; NaN: not measured."""

    value: float
    low: float
    high: float
    n: float


UNKNOWN: Final = Estimate(math.nan, math.nan, math.nan, 0)


def wilson(hits: int, of: int) -> Estimate:
    """Return a share with Wilson's score interval."""
    if not of:
        return UNKNOWN
    share, z2 = hits / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    low = 0.0 if hits == 0 else middle - half
    return Estimate(share, low, 1.0 if hits == of else middle + half, of)


def poisson_rate(events: int, exposure: float) -> Estimate:
    """Return events per unit of exposure with the exact (Garwood) interval."""
    if exposure <= 0:
        return UNKNOWN
    low = chi2.ppf(OUTSIDE, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(1 - OUTSIDE, 2 * events + 2) / 2
    return Estimate(events / exposure, float(low) / exposure, float(high) / exposure, exposure)


def median_of(values: Sequence[float] | Floats, rng: np.random.Generator, draws: int) -> Estimate:
    """Return the median over devices, infinity standing for never; bootstrap over devices."""
    known = np.sort(np.asarray(values, np.float64))
    if not len(known):
        return UNKNOWN
    drawn = known[rng.integers(0, len(known), (draws, len(known)))]
    medians = np.sort(_middle(np.sort(drawn, axis=1)))
    edges = medians[[int(OUTSIDE * draws), min(int((1 - OUTSIDE) * draws), draws - 1)]]
    return Estimate(float(_middle(known[None])[0]), float(edges[0]), float(edges[1]), len(known))


def _middle(ordered: Floats) -> Floats:
    """The lower median of each row, which exists also among infinities."""
    middle: Floats = ordered[:, (ordered.shape[1] - 1) // 2]
    return middle
