"""How well one score tells attacked windows from clean ones: the area under the ROC, with devices as the unit of chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.grid_intervals import OUTSIDE, UNKNOWN, Estimate

Floats = NDArray[np.float64]
Scores = NDArray[np.floating]


def window_auc(
    attacked: Sequence[Scores],
    own_before: Sequence[Scores],
    fleet: Sequence[Scores],
    rng: np.random.Generator,
    draws: int,
) -> Estimate:
    """Return the probability that an attacked window scores above a clean one, ties counting half.

    `attacked` and `own_before` hold the scores of each attacked device's windows, `fleet` those of clean devices. The bootstrap
    draws devices: an attacked one brings its own clean windows along.
    """
    devices = [place for place, scores in enumerate(attacked) if len(scores)]
    attacked, own_before = [attacked[place] for place in devices], [own_before[place] for place in devices]
    clean = [*own_before, *fleet]
    if not attacked or not sum(map(len, clean)):
        return UNKNOWN
    wins = _wins(attacked, clean)
    positives = np.array([len(scores) for scores in attacked], np.float64)
    negatives = np.array([len(scores) for scores in clean], np.float64)
    ones = np.ones((1, len(attacked)))
    value = _areas(wins, positives, negatives, ones, np.ones((1, len(fleet))))[0]
    ours = _draw(len(attacked), rng, draws)
    theirs = _draw(len(fleet), rng, draws) if fleet else np.ones((draws, 0))
    areas = np.sort(_areas(wins, positives, negatives, ours, theirs))
    return Estimate(
        float(value), float(np.quantile(areas, OUTSIDE)), float(np.quantile(areas, 1 - OUTSIDE)), len(attacked)
    )


def _areas(wins: Floats, positives: Floats, negatives: Floats, ours: Floats, theirs: Floats) -> Floats:
    clean = np.concatenate([ours, theirs], axis=1)
    pairs = (ours @ positives) * (clean @ negatives)
    area: Floats = np.einsum("di,ij,dj->d", ours, wins, clean, optimize=True) / pairs
    return area


def _wins(attacked: Sequence[Scores], clean: Sequence[Scores]) -> Floats:
    """Pairs of windows won by the attacked one, float64[attacked devices, clean devices]."""
    pooled = np.concatenate(attacked)
    starts = np.cumsum([0, *(len(scores) for scores in attacked[:-1])])
    columns = []
    for scores in clean:
        ordered = np.sort(scores)
        below = np.searchsorted(ordered, pooled, "left") + np.searchsorted(ordered, pooled, "right")
        columns.append(np.add.reduceat(below / 2.0, starts))
    return np.stack(columns, axis=1)


def _draw(count: int, rng: np.random.Generator, draws: int) -> Floats:
    """How often each of `count` devices is drawn, float64[draws, count]."""
    return rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
