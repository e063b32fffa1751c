"""What a bedside monitor makes of true vital signs: leads that come off, miscounted breaths, a PULSE beside the HR."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.recording import Vitals
from replay.sources.synthetic.processes import MINUTES_PER_DAY, wander
from replay.sources.synthetic.traits import Traits

LONG_GAPS_PER_DAY = 0.5
LONG_GAP_MEDIAN_MIN = 22.0


def measured(traits: Traits, rng: np.random.Generator, heart: Vitals, breath: Vitals) -> tuple[Vitals, Vitals, Vitals]:
    """Return measured HR, RR and PULSE (not rounded yet), NaN = missing."""
    pulse = heart + rng.normal(0, 0.5) + rng.uniform(0.1, 0.6) * wander(rng, len(heart), 3)
    heart, breath = _artefacts(traits, rng, heart, breath)
    lost_heart, lost_breath = _gaps(traits, rng, len(heart))
    heart, breath = _cut(rng, heart, lost_heart), _cut(rng, breath, lost_breath)
    sensor_off = wander(rng, len(heart), 90) < _quantile(traits.pulse_missing_share)
    return (
        np.clip(heart, 11.0, 250.0),
        np.clip(breath, 0.3, 75.0),
        np.clip(np.where(lost_heart | sensor_off, np.nan, pulse), 11.0, 250.0),
    )


def _artefacts(traits: Traits, rng: np.random.Generator, heart: Vitals, breath: Vitals) -> tuple[Vitals, Vitals]:
    """Breaths missed or counted twice for some minutes, and the odd heart rate that counts movement."""
    heart, breath = heart.copy(), breath.copy()
    for start in np.flatnonzero(rng.random(len(breath)) < traits.artefacts_per_day / MINUTES_PER_DAY):
        stop = start + int(rng.geometric(0.45))
        breath[start:stop] *= rng.uniform(0.3, 0.8) if rng.random() < 0.75 else rng.uniform(1.2, 1.9)
    for start in np.flatnonzero(rng.random(len(heart)) < 0.05 * traits.artefacts_per_day / MINUTES_PER_DAY):
        heart[start : start + int(rng.geometric(0.5))] += rng.choice([-1.0, 1.0, 1.0]) * rng.exponential(7)
    return heart, breath


def _gaps(traits: Traits, rng: np.random.Generator, minutes: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which minutes have no HR and no RR: mostly the breathing lead, sometimes the whole monitor."""
    lost_heart, lost_breath = np.zeros(minutes, dtype=np.bool_), np.zeros(minutes, dtype=np.bool_)
    for start in np.flatnonzero(rng.random(minutes) < (traits.gaps_per_day + LONG_GAPS_PER_DAY) / MINUTES_PER_DAY):
        if rng.random() < traits.gaps_per_day / (traits.gaps_per_day + LONG_GAPS_PER_DAY):
            stop, both = start + int(rng.geometric(0.4)), rng.random() < 0.3
        else:
            stop, both = start + int(LONG_GAP_MEDIAN_MIN * np.exp(0.7 * rng.standard_normal())) + 1, rng.random() < 0.7
        lost_breath[start:stop] = True
        if both:
            lost_heart[start:stop] = True
    return lost_heart, lost_breath


def _cut(rng: np.random.Generator, values: Vitals, lost: NDArray[np.bool_]) -> Vitals:
    """Take the lost minutes out. A minute beside a gap is sometimes the average of a part of it, and low."""
    edge = ~lost & (np.roll(lost, 1) | np.roll(lost, -1)) & (rng.random(len(values)) < 0.15)
    cut = np.where(edge, values * rng.uniform(0.1, 1.0, len(values)), values)
    return np.where(lost, np.nan, cut)


def _quantile(share: float) -> float:
    """The value below which a standard normal variable is with probability `share` (Tukey's lambda approximation)."""
    return float((share**0.135 - (1 - share) ** 0.135) / 0.1975)
