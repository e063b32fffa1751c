"""What attacks take from the device's own past: its usual values, its last minutes, its values of a while ago."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.attacks.base import Amounts, AttackedSpan
from replay.recording import Vitals

USUAL_MIN: Final = 720
LEAST_MEASURED_MIN: Final = 60


def usual_values(
    span: AttackedSpan, channel: Vitals, past_min: int = USUAL_MIN, least_min: int = LEAST_MEASURED_MIN
) -> Vitals:
    """Return what a channel (of the whole recording) measured in the `past_min` minutes before the onset, NaN left out.

    With fewer than `least_min` measured minutes there, the span's own measured values.
    """
    before = measured(channel[max(0, span.onset_min - past_min) : span.onset_min])
    return before if len(before) >= least_min else measured(channel[span.onset_min : span.end_min])


def measured(values: Vitals) -> Vitals:
    """Return the values that are not missing.

    >>> measured(np.array([80.0, np.nan, 82.0])).tolist()
    [80.0, 82.0]
    """
    return values[~np.isnan(values)]


def median(values: Vitals) -> float:
    """Return the median of float64[n] without NaN, NaN when there is no value.

    >>> median(np.array([80.0, 82.0])), median(np.array([]))
    (81.0, nan)
    """
    if not len(values):
        return np.nan
    middle = [(len(values) - 1) // 2, len(values) // 2]
    return float(np.partition(values, middle)[middle].mean())  # training attacks a lot, and np.median is slower


def minutes_of(amounts: Amounts) -> int:
    """Return the only amount of a level that counts minutes: a lag, or a period."""
    return int(amounts[0])


def values_ago(span: AttackedSpan, channel: Vitals, lag_min: int) -> Vitals:
    """Return a channel's values of `lag_min` minutes before each minute of the span. The onset is at least that late."""
    return channel[span.onset_min - lag_min : span.end_min - lag_min]
