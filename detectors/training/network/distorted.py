"""Distorts a span of a stay: one to three random distortions, abrupt, ramped or intermittent."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Floats
from detectors.training.cohort import Vitals
from detectors.training.network.distortions import DISTORTIONS
from detectors.training.network.pair_distortions import PAIR_DISTORTIONS, Pair

SMALLEST_CHANGE: Final = 0.2
"""Root mean square in standard deviations: below it nobody could see the change, and no row should say that one is there."""
LOWEST_SHOWN: Final = (25.0, 3.0)
HIGHEST_SHOWN: Final = (230.0, 65.0)
HOW_MANY: Final = ((1, 2, 3), (0.5, 0.35, 0.15))
MEDIAN_OF_MIN: Final = 720
MOST_SD: Final = 40.0


def distorted(
    vitals: Vitals, other: Vitals, span: tuple[int, int], scale: Floats, grid_bpm: Floats, rng: np.random.Generator
) -> Vitals | None:
    """Return vitals float64[m, 2] with the minutes [onset, end) of `span` distorted, or None when they hardly changed.

    `scale` and `grid_bpm` float64[2] are the profile's. `other` float64[p, 2] holds another patient's valid minutes, more than the span's. Missing minutes stay missing; what is changed
    lies on the device's grid and within what a monitor shows.
    """
    onset, end = span
    before = _filled(vitals[:end])
    centre = np.median(before[:onset][-MEDIAN_OF_MIN:], axis=0)
    z = (before - centre) / scale
    stranger = (other - np.median(other, axis=0)) / scale
    own = z[onset:]
    bent = _bent(Pair(own, z[:onset], stranger), rng)
    shown = own + _envelope(len(own), rng) * (bent - own)
    after = shown * scale + centre
    after = np.clip(np.round(after / grid_bpm) * grid_bpm, LOWEST_SHOWN, HIGHEST_SHOWN)
    was = vitals[onset:end]
    after = np.where(np.isnan(was) | (np.abs(shown - own) < 1e-9), was, after)
    change = (after - was) / scale
    if np.isnan(change).all() or np.sqrt(np.nanmean(change**2)) < SMALLEST_CHANGE:
        return None
    result = vitals.copy()
    result[onset:end] = after
    return result


def _bent(pair: Pair, rng: np.random.Generator) -> Floats:
    """Return the span after one to three different distortions."""
    count = rng.choice(HOW_MANY[0], p=HOW_MANY[1])
    for choice in rng.choice(len(PAIR_DISTORTIONS) + len(DISTORTIONS), count, replace=False).tolist():
        if choice < len(PAIR_DISTORTIONS):
            bent = PAIR_DISTORTIONS[choice](pair, rng)
        else:
            bent = _each_channel(pair.span, choice - len(PAIR_DISTORTIONS), rng)
        pair = pair._replace(span=np.clip(bent, -MOST_SD, MOST_SD))
    return pair.span


def _each_channel(span: Floats, choice: int, rng: np.random.Generator) -> Floats:
    """Bend both channels, as most attacks do, or one. With the same draws or each with its own."""
    bent, seed, same = span.copy(), int(rng.integers(1 << 31)), rng.random() < 0.5
    channels = ((0, 1), (0, 1), (0, 1), (0, 1), (0,), (1,))[int(rng.integers(0, 6))]
    for channel in channels:
        own = np.random.default_rng(seed if same else [seed, channel])
        bent[:, channel] = DISTORTIONS[choice](span[:, channel], own)
    return bent


def _envelope(length: int, rng: np.random.Generator) -> Floats:
    """Return float64[n, 1], how much of the distortion shows: at once, rising over 30 to 180 minutes, or in turns."""
    minute, kind = np.arange(length), rng.random()
    if kind < 0.2:
        return np.minimum(minute / rng.uniform(30, 180), 1.0)[:, None]
    if kind < 0.35:
        period = rng.uniform(60, 180)
        return (minute % period < rng.uniform(0.4, 0.8) * period).astype(np.float64)[:, None]
    return np.ones((length, 1))


def _filled(vitals: Vitals) -> Vitals:
    """Return the vitals without gaps: a distortion needs whole series, its result loses them again."""
    filled = vitals.copy()
    for channel in range(vitals.shape[1]):
        missing = np.isnan(vitals[:, channel])
        known = np.flatnonzero(~missing)
        filled[missing, channel] = (
            np.interp(np.flatnonzero(missing), known, vitals[known, channel]) if len(known) else 0.0
        )
    return filled
