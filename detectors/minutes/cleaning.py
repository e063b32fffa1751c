"""Cleans a whole series at once: artefacts become missing, short gaps are filled, long ones are cut out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from detectors.array_types import Bools, Floats, Floats32, Ints

LOWEST: Final = (20.0, 3.0)
HIGHEST: Final = (300.0, 100.0)
MAX_GAP_MIN: Final = 10
CHANNELS: Final = 2


@dataclass(frozen=True, slots=True)
class CleanMinutes:
    """The n valid minutes of a stream: both channels known, or filled across a gap of at most 10 minutes.

    `values` float64[n, 2] (bpm, breaths/min), `weight` float32[n, 2] (0 where a value is filled, or beside a
    cut, where the neighbour in the array is not the neighbour in time), `event_minute` int64[n] rising,
    `observed` bool[n]: both channels were measured.
    """

    values: Floats
    weight: Floats32
    event_minute: Ints
    observed: Bools

    def __len__(self) -> int:
        return len(self.event_minute)

    def first(self, count: int) -> CleanMinutes:
        """Return the first `count` valid minutes."""
        part = slice(0, count)
        return CleanMinutes(self.values[part], self.weight[part], self.event_minute[part], self.observed[part])


def usable_minutes(heart_rate_bpm: ArrayLike, resp_rate_bpm: ArrayLike) -> Bools:
    """Return bool[m]: both channels present and no artefact (zero and NaN are missing, bounds included).

    >>> usable_minutes([80.0, 0.0, 75.0], [16.0, 16.0, 2.0]).tolist()
    [True, False, False]
    """
    raw = np.stack([np.asarray(heart_rate_bpm, np.float64), np.asarray(resp_rate_bpm, np.float64)], axis=-1)
    return np.asarray(((raw >= LOWEST) & (raw <= HIGHEST)).all(axis=-1))


def clean(first_event_minute: int, heart_rate_bpm: ArrayLike, resp_rate_bpm: ArrayLike) -> CleanMinutes:
    """Return the valid minutes of consecutive raw ones float[m] (NaN = missing).

    The batch form of `minutes.filling`, equal to it minute by minute.
    """
    raw = np.stack([np.asarray(heart_rate_bpm, np.float64), np.asarray(resp_rate_bpm, np.float64)], axis=-1)
    missing = ~((raw >= LOWEST) & (raw <= HIGHEST))
    values, valid = raw.copy(), np.ones(len(raw), np.bool_)
    for channel in range(CHANNELS):
        _fill(values[:, channel], missing[:, channel], valid)
    minute = np.flatnonzero(valid)
    weight = (~missing[minute]).astype(np.float32)
    weight[beside_cut(minute)] = 0
    return CleanMinutes(values[minute], weight, first_event_minute + minute, np.asarray(~missing[minute].any(axis=1)))


def beside_cut(event_minute: Ints) -> Bools:
    """Return bool[k] of rising minutes int64[k]: there is a gap right before or right after it."""
    cut = np.diff(event_minute) > 1
    return np.asarray(np.r_[False, cut] | np.r_[cut, False])[: len(event_minute)]


def _fill(values: Floats, missing: Bools, valid: Bools) -> None:
    """Fill the short gaps of one channel in place and mark the long ones, and both ends, as not valid."""
    known = np.flatnonzero(~missing)
    if not len(known):
        valid[:] = False
        return
    valid[: known[0]] = False
    valid[known[-1] + 1 :] = False
    for before, after in pairwise(known.tolist()):
        distance = after - before
        if distance == 1:
            continue
        if distance - 1 > MAX_GAP_MIN:
            valid[before + 1 : after] = False
            continue
        step = np.arange(1, distance)
        values[before + 1 : after] = values[before] + (values[after] - values[before]) * (step / distance)


TENTHS: Final = 0.1
WHOLE: Final = 1.0
WHOLE_SHARE: Final = 0.95


def grid_of(values: Floats) -> float:
    """Return the step (bpm or breaths/min) of a channel's measured values float[n]. Tenths when there are none.

    >>> grid_of(np.array([80.0, 81.0, 79.0])), grid_of(np.array([80.2, 81.0, 79.7]))
    (1.0, 0.1)
    """
    known = values[np.isfinite(values)]
    if len(known) and float(np.mean(np.abs(known - np.rint(known)) < 1e-3)) > WHOLE_SHARE:
        return WHOLE
    return TENTHS


def on_grid(values: Floats, grid_bpm: Floats) -> Floats:
    """Return values float[..., 2] on the channels' grids float[2] (or one pair a row): filled ones lie between.

    >>> on_grid(np.array([80.26, 16.26]), np.array([1.0, 0.1])).round(1).tolist()
    [80.0, 16.3]
    """
    rounded: Floats = np.rint(values / grid_bpm) * grid_bpm
    return rounded
