"""Whether a device changed while it enrolled: a new monitor, or ventilation that began, leaves a mixture to be held against."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Bools, Floats
from detectors.explanations.words import CHANNELS_IN_WORDS, column_in_words
from detectors.minutes.cleaning import grid_of
from detectors.statistics.base import NETWORK
from detectors.statistics.registry import columns

PARTS: Final = 3
CHANGED_SD: Final = 20.0
"""Controlled ventilation begun half-way moves a statistic by 16-40; of 56 real enrolments six moved further than 20."""
LEAST_DECISIONS: Final = 4


def enrolment_warning(values: Floats, statistics: Floats, keep: Bools, between_sd: Floats) -> str:
    """Say what changed between the first and the last third of an enrolment ("" for nothing).

    `values` float64[n, 2] are its minutes, `statistics` float64[k, C] its decisions, `keep` bool[k] which of them count;
    `between_sd` float64[C] is how far reference devices lie apart.
    """
    change = _grid_change(values) or _shift(statistics[keep], between_sd)
    return f"enrolment looks unusual: {change}" if change else ""


def _grid_change(values: Floats) -> str:
    third = len(values) // PARTS
    for channel, name in enumerate(CHANNELS_IN_WORDS):
        if grid_of(values[:third, channel]) != grid_of(values[-third:, channel]):
            return f"{name} partly in whole numbers, partly in tenths, as if the monitor was changed"
    return ""


def _shift(statistics: Floats, between_sd: Floats) -> str:
    third = len(statistics) // PARTS
    if third < LEAST_DECISIONS:
        return ""
    shift = (statistics[-third:].mean(axis=0) - statistics[:third].mean(axis=0)) / between_sd
    shift[[column.residual == NETWORK for column in columns()]] = 0
    worst = int(np.argmax(np.abs(shift)))
    if abs(shift[worst]) < CHANGED_SD:
        return ""
    return f"{column_in_words(columns()[worst], high=bool(shift[worst] > 0))} towards its end"
