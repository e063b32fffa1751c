"""Ways to bend both channels together that belong to no named attack: pieces pasted, held, mixed up or taken from others.

Each takes a `Pair` and returns its span changed, float64[n, 2] in the device's own standard deviations, median at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Floats
from detectors.training.network.distortions import log_uniform

Series = Floats


class Pair(NamedTuple):
    """`span` float64[n, 2] to bend, `past` float64[m, 2] before it, `other` float64[p, 2], p > n: another patient's."""

    span: Series
    past: Series
    other: Series


PairDistortion = Callable[[Pair, np.random.Generator], Series]


def paste(pair: Pair, rng: np.random.Generator) -> Series:
    """Put pieces of 5 to 60 minutes of the own last ten hours and of the span elsewhere: one piece again and again, or many."""
    known, bent = np.concatenate([pair.past[-600:], pair.span]), pair.span.copy()
    length = min(int(log_uniform(rng, 5, 60)), len(bent) - 1)
    same, source = rng.random() < 0.5, int(rng.integers(0, len(known) - length))
    for _ in range(int(log_uniform(rng, 3, 40))):
        source = source if same else int(rng.integers(0, len(known) - length))
        target = int(rng.integers(0, len(bent) - length))
        bent[target : target + length] = known[source : source + length]
    return bent


def hold(pair: Pair, rng: np.random.Generator) -> Series:
    """Hold both values for random times of 2 to 40 minutes on average, now and then or nearly always."""
    bent, at, mean, share = pair.span.copy(), 0, log_uniform(rng, 2, 40), rng.uniform(0.3, 1)
    while at < len(bent):
        length = 1 + int(rng.exponential(mean))
        if rng.random() < share:
            bent[at : at + length] = bent[at]
        at += length
    return bent


def mix(pair: Pair, rng: np.random.Generator) -> Series:
    """Blend in another patient's course, from a third of it to all."""
    share = rng.uniform(0.3, 1.0)
    start = int(rng.integers(0, len(pair.other) - len(pair.span)))
    stranger = pair.other[start : start + len(pair.span)]
    return np.asarray((1 - share) * pair.span + share * (stranger - np.median(stranger, axis=0)))


def delay_one(pair: Pair, rng: np.random.Generator) -> Series:
    """Send one channel 3 to 240 minutes late, so that the two no longer belong together."""
    lag, channel = min(int(log_uniform(rng, 3, 240)), len(pair.past)), int(rng.integers(0, 2))
    known, bent = np.concatenate([pair.past, pair.span]), pair.span.copy()
    start = len(pair.past) - lag
    bent[:, channel] = known[start : start + len(bent), channel]
    return bent


def shuffle(pair: Pair, rng: np.random.Generator) -> Series:
    """Mix the minutes of blocks of 2 to 40 minutes, each channel by itself."""
    bent, length = pair.span.copy(), int(log_uniform(rng, 2, 40))
    for start in range(0, len(bent), length):
        bent[start : start + length] = rng.permuted(bent[start : start + length], axis=0)
    return bent


def average(pair: Pair, rng: np.random.Generator) -> Series:
    """Average both channels over the last 3 to 25 minutes on either side."""
    width = int(log_uniform(rng, 3, 25))
    known = np.concatenate([pair.past[-60:], pair.span])
    padded = np.pad(known, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(padded, axis=0)])
    return np.asarray(((total[width:] - total[:-width]) / width)[-len(pair.span) :])


PAIR_DISTORTIONS: Final[tuple[PairDistortion, ...]] = (paste, hold, mix, delay_one, shuffle, average)
