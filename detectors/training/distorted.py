"""Distort a span of a recording: one to three random distortions, one or both channels, abrupt, ramped or intermittent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import HIGHEST, LOWEST
from detectors.training.cohort import Vitals
from detectors.training.distortions import DISTORTIONS, Series, sample_hold
from detectors.training.series import Scale

SMALLEST_CHANGE: Final = 0.2
STRANGER: Final = "stranger"
DISTORTION_NAMES: Final = (*(distortion.__name__ for distortion in DISTORTIONS), STRANGER)
_FINEST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes [onset, end) of a recording."""

    onset_min: int
    end_min: int

    @property
    def minutes(self) -> slice:
        """The span as an index."""
        return slice(self.onset_min, self.end_min)


@dataclass(frozen=True, slots=True)
class Distorted:
    """Vitals float64[n, 2] after distortion, and the names of the distortions that were at work."""

    vitals: Vitals
    names: frozenset[str]


def distort(
    vitals: Vitals, other: Vitals, span: Span, scale: Scale, resolution_bpm: float, rng: np.random.Generator
) -> Distorted | None:
    """Return vitals with the span distorted on the monitor's grid, or None when it changed < .2 sd.

    `other` float64[m, 2] is another patient, m >= the span's length: a stranger's data may be mixed in. Missing minutes
    stay missing, and values inside what a monitor can show.
    """
    before = (vitals[span.minutes] - scale.median) / scale.scale
    envelope = _envelope(len(before), rng)
    after = before.copy()
    names: set[str] = set()
    for channel in _channels(rng):
        x = _filled(before[:, channel])
        stranger = (other[: len(x), channel] - np.nanmedian(other[:, channel])) / scale.scale[channel]
        bent = _bent(x, stranger, names, rng)
        after[:, channel] += envelope * (bent - x)
    moved = np.abs(after - before)[envelope > 0.5]
    seen = np.maximum((~np.isnan(moved)).sum(axis=0), 1)
    if (np.nansum(moved, axis=0) / seen).max() < SMALLEST_CHANGE:
        return None
    distorted = vitals.copy()
    bpm = np.clip(after * scale.scale + scale.median, LOWEST, HIGHEST)
    changed = np.abs(after - before) > _FINEST
    distorted[span.minutes] = np.where(changed, np.round(bpm / resolution_bpm) * resolution_bpm, vitals[span.minutes])
    return Distorted(distorted, frozenset(names))


def _bent(x: Series, stranger: Series, names: set[str], rng: np.random.Generator) -> Series:
    for _ in range(int(rng.integers(1, 4))):
        choice = int(rng.integers(0, len(DISTORTIONS) + 1))
        if choice == len(DISTORTIONS):
            share = rng.uniform(0.3, 1.0)
            x = (1 - share) * x + share * _filled(stranger)
            names.add(STRANGER)
        else:
            x = DISTORTIONS[choice](x, rng)
            names.add(DISTORTIONS[choice].__name__)
    return np.clip(x, -40.0, 40.0)


def _channels(rng: np.random.Generator) -> tuple[int, ...]:
    return ((0,), (1,), (0, 1), (0, 1))[int(rng.integers(0, 4))]


def _envelope(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How much of the distortion shows: at once, rising over 30 to 300 minutes, or in bursts."""
    kind = rng.random()
    if kind < 0.6:
        return np.ones(length)
    if kind < 0.8:
        return np.clip(np.arange(length) / rng.uniform(30, 300), 0.0, 1.0)
    return (sample_hold(rng.random(length), rng) < rng.uniform(0.3, 0.8)).astype(np.float64)


def _filled(x: Series) -> Series:
    """Fill missing minutes with the last value seen: a distortion needs a whole series, the result loses them again."""
    seen = np.maximum.accumulate(np.where(np.isnan(x), 0, np.arange(len(x))))
    return np.nan_to_num(x[seen])
