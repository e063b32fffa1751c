"""Random processes a value a minute, from which synthetic vital signs are added up by numpy, without a loop over minutes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from replay.recording import Vitals

NEGLIGIBLE = 1e-9
MINUTES_PER_DAY = 1440


def wander(rng: np.random.Generator, minutes: int, memory_min: float) -> Vitals:
    """A stationary first-order process of mean 0 and sd 1 that forgets within `memory_min` (time constant)."""
    keep = math.exp(-1.0 / memory_min)
    values: Vitals = rng.standard_normal(minutes) * math.sqrt(1.0 - keep**2)
    values[0] /= math.sqrt(1.0 - keep**2)
    lag = 1
    while lag < minutes and keep**lag > NEGLIGIBLE:  # each pass doubles how far back the sum reaches
        values[lag:] += keep**lag * values[:-lag].copy()
        lag *= 2
    return values


def steps(rng: np.random.Generator, minutes: int, per_day: float, ramp_min: int) -> Vitals:
    """Level shifts of mean 0 and sd 1: constant between random times, each shift taking `ramp_min` minutes."""
    starts = rng.random(minutes) < per_day / MINUTES_PER_DAY
    levels = rng.standard_normal(int(starts.sum()) + 1)
    padded: Vitals = np.pad(levels[np.cumsum(starts)], (ramp_min - 1, 0), mode="edge")
    return np.convolve(padded, np.full(ramp_min, 1.0 / ramp_min), mode="valid")


def bursts(rng: np.random.Generator, rate: Vitals, rise_min: float, fall_min: float) -> Vitals:
    """Arousals: peaks of exponential height (mean 1) at `rate` per minute, quick up and slower down."""
    heights = np.where(rng.random(len(rate)) < rate, rng.exponential(size=len(rate)), 0.0)
    age = np.arange(int(5 * (rise_min + fall_min)) + 2, dtype=np.float64)
    kernel = np.exp(-age / fall_min) - np.exp(-(age + 0.5) / rise_min)
    return np.convolve(heights, kernel / kernel.max())[: len(rate)]


def episodes(rng: np.random.Generator, minutes: int, per_day: float, shortest_min: int, longest_min: int) -> Vitals:
    """Stretches of care or movement: heights 0.3..1 during an episode, 0 outside, longest wins where two meet."""
    values = np.zeros(minutes)
    for start in np.flatnonzero(rng.random(minutes) < per_day / MINUTES_PER_DAY):
        stop = start + int(rng.integers(shortest_min, longest_min + 1))
        values[start:stop] = np.maximum(values[start:stop], rng.uniform(0.3, 1.0))
    return values


def alternating(rng: np.random.Generator, minutes: int, on_hours: float, off_hours: float) -> NDArray[np.bool_]:
    """A condition that is on and off in turn, with exponential lengths of the given means, which starts on 2 times in 3."""
    state, at = rng.random() < 2 / 3, 0
    values = np.zeros(minutes, dtype=np.bool_)
    while at < minutes:
        length = 1 + int(60 * rng.exponential(on_hours if state else off_hours))
        values[at : at + length] = state
        state, at = not state, at + length
    return values
