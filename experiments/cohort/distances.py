"""How far two samples of a statistic are apart, with what certainty, and what that is called in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Sample = NDArray[np.float64]
Interval = tuple[float, float]
Size = Literal["none seen", "small", "moderate", "large"]

SMALL_BELOW: Final = 0.2
LARGE_FROM: Final = 0.35
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Distance:
    """Two-sample distances with 95 % bootstrap intervals: patients drawn anew on both sides, the draws' bias reflected.

    `ks` is the Kolmogorov-Smirnov statistic (0..1). `wasserstein` is the first Wasserstein distance in units of the
    pooled standard deviation, either side weighing half (0..2). `ks_by_chance` is what 95 % of random splits of the
    pooled patients into samples of these sizes stay below.
    """

    ks: float
    ks_interval: Interval
    ks_by_chance: float
    wasserstein: float
    wasserstein_interval: Interval

    @property
    def size(self) -> Size:
        """What the KS statistic is called: below chance none seen, then small to 0.2, moderate to 0.35, large."""
        if self.ks <= self.ks_by_chance:
            return "none seen"
        if self.ks < SMALL_BELOW:
            return "small"
        return "moderate" if self.ks < LARGE_FROM else "large"


def distance(real: Sample, synthetic: Sample, rng: np.random.Generator, draws: int = 1000) -> Distance:
    """Return the distance of two samples float64[n], float64[m] without NaN, n and m at least 1."""
    order = np.argsort(np.concatenate([real, synthetic]), kind="stable")
    values = np.concatenate([real, synthetic])[order]
    is_real = (order < len(real)).astype(np.float64)
    ks, gap = _apart(values, (is_real / len(real))[None], ((1 - is_real) / len(synthetic))[None])
    scale = _pooled_sd(real, synthetic)
    ks_drawn, gap_drawn = _apart(values, _redrawn(is_real, rng, draws), _redrawn(1 - is_real, rng, draws))
    shuffled = rng.permuted(np.tile(is_real, (draws, 1)), axis=1)
    by_chance, _ = _apart(values, shuffled / len(real), (1 - shuffled) / len(synthetic))
    return Distance(
        float(ks[0]),
        _interval(ks_drawn, float(ks[0])),
        float(np.quantile(by_chance, CONFIDENCE)),
        float(gap[0]) / scale,
        _interval(gap_drawn / scale, float(gap[0]) / scale),
    )


def percentile(value: float, population: Sample) -> float:
    """Return at which percentile (0..100) of float64[n] the value lies. Ties count half."""
    below, same = np.count_nonzero(population < value), np.count_nonzero(population == value)
    return 100.0 * (below + same / 2) / len(population)


def _apart(values: Sample, first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """KS and Wasserstein of weights [draws, n] on the sorted values [n]. Weights of a row sum to 1."""
    difference = np.abs(np.cumsum(first - second, axis=1))[:, :-1]
    step = np.diff(values)
    ks = np.max(difference, axis=1, initial=0.0, where=(step > 0)[None])
    return ks, difference @ step


def _redrawn(member: Sample, rng: np.random.Generator, draws: int) -> Sample:
    """Bootstrap weights [draws, n] of the members."""
    count = int(member.sum())
    return rng.multinomial(count, member / count, size=draws) / count


def _interval(drawn: Sample, measured: float) -> Interval:
    """The basic bootstrap interval: redrawn samples lie further apart than the samples do, so the draws are reflected."""
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return max(0.0, 2 * measured - float(high)), max(0.0, 2 * measured - float(low))


def _pooled_sd(first: Sample, second: Sample) -> float:
    mean = (first.mean() + second.mean()) / 2
    variance = (np.mean((first - mean) ** 2) + np.mean((second - mean) ** 2)) / 2
    return float(np.sqrt(variance)) or 1.0
