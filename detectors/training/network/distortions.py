"""Ways to bend a series that belong to no named attack: what lets the classifier notice an attack it never saw.

Each takes a channel float64[n] in the device's own standard deviations, its median at 0, and returns it changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from detectors.array_types import Floats

Series = Floats
Distortion = Callable[[Series, np.random.Generator], Series]


def value_warp(x: Series, rng: np.random.Generator) -> Series:
    """Stretch or press values by a power of their distance from the median."""
    size: Series = np.abs(x) ** rng.uniform(0.3, 2.5)
    return np.sign(x) * size * rng.uniform(0.5, 2.0)


def time_warp(x: Series, rng: np.random.Generator) -> Series:
    """Run through the series now faster, now slower (a third to three times)."""
    pace = np.exp(_curve(len(x), rng) * rng.uniform(0.3, 1.1))
    clock = np.cumsum(pace)
    bent: Series = np.interp(clock * (len(x) - 1) / clock[-1], np.arange(len(x)), x)
    return bent


def band_noise(x: Series, rng: np.random.Generator) -> Series:
    """Add noise of a random band, .2 to 4 standard deviations strong."""
    noise = rng.standard_normal(len(x) + 64)
    smooth = _moving_average(noise, int(rng.choice([1, 1, 2, 3, 5, 9, 15])))
    if rng.random() < 0.3:
        smooth = np.diff(smooth, prepend=smooth[:1])
    bent: Series = x + log_uniform(rng, 0.2, 4.0) * (smooth / smooth.std())[: len(x)]
    return bent


def smoothing(x: Series, rng: np.random.Generator) -> Series:
    """Average over 3 to 45 minutes."""
    return _moving_average(x, int(rng.integers(3, 46)))


def segment_paste(x: Series, rng: np.random.Generator) -> Series:
    """Repeat one own segment of 5 to 120 minutes over and over."""
    length = min(int(log_uniform(rng, 5, 120)), len(x))
    start = int(rng.integers(0, len(x) - length + 1))
    return np.resize(x[start : start + length], len(x))


def quantise(x: Series, rng: np.random.Generator) -> Series:
    """Round to steps of .3 to 3 standard deviations."""
    step = log_uniform(rng, 0.3, 3.0)
    return np.round(x / step) * step


def gain_curve(x: Series, rng: np.random.Generator) -> Series:
    """Multiply the distance from the median by a slowly moving factor."""
    return x * np.exp(_curve(len(x), rng) * rng.uniform(0.3, 1.2) + rng.normal(0, 0.6))


def offset_curve(x: Series, rng: np.random.Generator) -> Series:
    """Shift by a constant and a slow curve, up to 12 standard deviations."""
    size = log_uniform(rng, 0.5, 12.0) * rng.choice([-1, 1])
    bent: Series = x + size + _curve(len(x), rng) * log_uniform(rng, 0.2, 2.0)
    return bent


def tone(x: Series, rng: np.random.Generator) -> Series:
    """Add a sine of period 4 to 240 minutes."""
    phase = 2 * np.pi * (np.arange(len(x)) / log_uniform(rng, 4, 240) + rng.random())
    return x + log_uniform(rng, 0.4, 4.0) * np.sin(phase)


def square(x: Series, rng: np.random.Generator) -> Series:
    """Add rectangular bumps of period 4 to 240 minutes and any duty cycle."""
    phase = np.mod(np.arange(len(x)) / log_uniform(rng, 4, 240) + rng.random(), 1.0)
    bent: Series = x + log_uniform(rng, 0.5, 5.0) * rng.choice([-1, 1]) * (phase < rng.uniform(0.1, 0.6))
    return bent


def delay(x: Series, rng: np.random.Generator) -> Series:
    """Send the value of 5 to 180 minutes ago."""
    return np.roll(x, int(log_uniform(rng, 5, 180)))


def sample_hold(x: Series, rng: np.random.Generator) -> Series:
    """Hold every k-th value for k = 2 to 90 minutes."""
    hold = int(log_uniform(rng, 2, 90))
    return x[np.arange(len(x)) // hold * hold]


def block_shuffle(x: Series, rng: np.random.Generator) -> Series:
    """Cut into blocks of 1 to 60 minutes and mix their order."""
    length = int(log_uniform(rng, 1, 60))
    blocks = np.array_split(x, max(len(x) // length, 1))
    return np.concatenate([blocks[index] for index in rng.permutation(len(blocks))])


def mirror(x: Series, rng: np.random.Generator) -> Series:
    """Turn blocks of 5 to 60 minutes upside down about the median."""
    length = int(rng.integers(5, 61))
    turned = rng.random(len(x) // length + 1) < rng.uniform(0.3, 1.0)
    return np.where(np.repeat(turned, length)[: len(x)], -x, x)


def clip(x: Series, rng: np.random.Generator) -> Series:
    """Cut everything beyond .05 to 1 standard deviations about a level."""
    level, width = rng.normal(0, 0.5), log_uniform(rng, 0.05, 1.0)
    return np.clip(x, level - width, level + width)


def impulses(x: Series, rng: np.random.Generator) -> Series:
    """Add single-minute spikes of 2 to 8 standard deviations."""
    hit = rng.random(len(x)) < log_uniform(rng, 1 / 40, 1 / 3)
    bent: Series = x + hit * rng.choice([-1, 1], len(x)) * rng.uniform(2, 8, len(x))
    return bent


def _moving_average(x: Series, width: int) -> Series:
    padded = np.pad(x, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.full(width, 1.0 / width), mode="valid")


def _curve(length: int, rng: np.random.Generator) -> Series:
    """A smooth random curve of sd about 1 that turns every half hour to every few hours."""
    knots = max(length // int(rng.integers(30, 240)), 1) + 2
    return np.interp(np.linspace(0, knots - 1, length), np.arange(knots), rng.standard_normal(knots))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between the bounds, even on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


DISTORTIONS: Final[tuple[Distortion, ...]] = (
    value_warp, time_warp, band_noise, smoothing, segment_paste, quantise, gain_curve, offset_curve, tone, square,
    delay, sample_hold, block_shuffle, mirror, clip, impulses,
)  # fmt: skip
