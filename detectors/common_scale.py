"""One scale for scores of every kind: g = -log10 of how many false exclusions a device-week a vote at that value would cost.

A score of 1 on it would exclude a clean device once in ten weeks. The map is learnt on clean calibration devices, never on attacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.votes import KINDS, Kind

APART_MIN: Final = 240
WEEK_MIN: Final = 7 * 1440
BLOCK_MIN: Final = 5
KNOTS: Final = 32
TAIL_EVENTS: Final = 40
HIGHEST_G: Final = 12.0
DECIMALS: Final = 5

Floats = NDArray[np.float64]


class CommonScale(NamedTuple):
    """Knots of a rising map from raw scores to g; beyond the last one it goes on as it was."""

    raw: tuple[float, ...]
    g: tuple[float, ...]

    def of(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return g of raw scores, of any shape; NaN stays NaN."""
        knots, values = np.asarray(self.raw), np.asarray(self.g)
        slope = (values[-1] - values[-2]) / max(knots[-1] - knots[-2], 1e-9)
        inside = np.interp(raw, knots, values)
        beyond = values[-1] + (raw - knots[-1]) * slope
        found: NDArray[np.float32] = np.minimum(np.where(raw > knots[-1], beyond, inside), HIGHEST_G).astype(np.float32)
        return found


class Series(NamedTuple):
    """One device's decisions: `block` int64[k] rising (event minute // 5), `raw` float[k] (NaN: no score of this kind)."""

    block: NDArray[np.int64]
    raw: NDArray[np.float32]


def vote_values(series: Series, kind: Kind) -> Floats:
    """Return float64[k]: after each decision, the largest limit that the vote of this kind would pass (-inf: none)."""
    if not len(series.block):
        return np.empty(0)
    first = int(series.block[0])
    laid_out = np.full(int(series.block[-1]) - first + kind.horizon, -np.inf)
    laid_out[series.block - first + kind.horizon - 1] = np.where(np.isnan(series.raw), -np.inf, series.raw)
    windows = np.lib.stride_tricks.sliding_window_view(laid_out, kind.horizon)[series.block - first]
    ordered = np.sort(windows, axis=1)[:, ::-1]
    scored = np.isfinite(ordered).sum(axis=1)
    needed = np.maximum(scored, kind.fewest) // 2  # one more than half of them, as a place counted from 0
    values: Floats = ordered[np.arange(len(ordered)), np.minimum(needed, kind.horizon - 1)]
    return values


def fit_common_scale(fleet: Sequence[Series], kind_name: str) -> CommonScale:
    """Learn the map of one kind of score from clean devices' decisions."""
    kind = KINDS[kind_name]
    votes = [vote_values(series, kind) for series in fleet]
    weeks = sum(len(series.block) for series in fleet) * BLOCK_MIN / WEEK_MIN
    pooled = np.concatenate(votes)
    pooled = pooled[np.isfinite(pooled)]
    quantiles = 1 - np.geomspace(0.5, 1 / len(pooled), KNOTS)
    knots = np.unique(np.round(np.quantile(pooled, quantiles), DECIMALS))
    judged = list(zip(fleet, votes, strict=True))
    events = np.array([sum(_episodes(series, vote, limit) for series, vote in judged) for limit in knots])
    known = events > 0
    knots, g = knots[known], -np.log10(events[known] / weeks)
    g = np.maximum.accumulate(g)
    tail = events[known] <= TAIL_EVENTS
    slope = _slope(knots[tail], g[tail])
    end = float(knots[-1]) + 10.0
    return CommonScale(
        tuple(np.round([*knots, end], DECIMALS).tolist()),
        tuple(np.round([*g, float(g[-1]) + 10.0 * slope], DECIMALS).tolist()),
    )


def _slope(knots: Floats, g: Floats) -> float:
    if len(knots) < 3 or np.ptp(knots) < 1e-6:
        return 0.5
    return max(float(np.polyfit(knots, g, 1)[0]), 0.02)


def _episodes(series: Series, votes: Floats, limit: float) -> int:
    minutes = series.block[votes > limit] * BLOCK_MIN
    return int((np.diff(minutes, prepend=-(1 << 40)) > APART_MIN).sum())
