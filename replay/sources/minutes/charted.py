"""Make minutes of vital signs that people chart about hourly: straight lines between values at most two hours apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from replay.recording import Recording, Vitals, round_to_grid
from replay.sources.minutes.averages import on_own_grid
from replay.sources.minutes.usable import HIGHEST, LOWEST, Unusable, check_length

LONGEST_BETWEEN_MIN = 120

Charts = Mapping[int, float]
"""The charted values of one channel by event minute, in rising order; see `plausible`."""


def plausible(charts: Iterable[tuple[int, float]], channel: int) -> dict[int, float]:
    """Return the values of a channel (0 heart, 1 respiratory rate) by rising event minute, the last of a minute counts.

    Zero is missing; what no patient has (outside 20-300 and 3-100 per minute) is left out, or a line would lead to it.

    >>> plausible([(60, 80.0), (0, 75.0), (90, 0.0)], channel=0)
    {0: 75.0, 60: 80.0}
    """
    kept = {minute: value for minute, value in charts if LOWEST[channel] <= value <= HIGHEST[channel]}
    return dict(sorted(kept.items()))


def charted_recording(name: str, device_id: str, heart: Charts, breath: Charts, origin: str) -> Recording:
    """Return the recording from the first to the last charted minute, every minute on the grid of its channel's charted values.

    Raises Unusable under `name` when a channel has no value.
    """
    for title, charts in (("heart rate", heart), ("respiratory rate", breath)):
        if not charts:
            raise Unusable(name, f"no {title} a patient may have was charted; both rates are needed")
    first = min(next(iter(heart)), next(iter(breath)))
    minutes = max(next(reversed(list(heart))), next(reversed(list(breath)))) - first + 1
    check_length(name, minutes)
    arrays = [(np.array(list(charts)) - first, np.array(list(charts.values()))) for charts in (heart, breath)]
    (heart_bpm, heart_grid), (breath_bpm, breath_grid) = (_on_grid(at, values, minutes) for at, values in arrays)
    return Recording(
        device_id, first, heart_bpm, breath_bpm, None, heart_grid, origin, charted=True, resp_resolution_bpm=breath_grid
    )


def _on_grid(at: NDArray[np.int64], values: Vitals, minutes: int) -> tuple[Vitals, float]:
    charted, grid_bpm = on_own_grid(values)
    return round_to_grid(_lines(at, charted, minutes), grid_bpm), grid_bpm


def _lines(at: NDArray[np.int64], values: Vitals, minutes: int) -> Vitals:
    """Return float64[minutes]: `values` at the minutes `at` (rising), lines between, NaN where two are too far apart."""
    minute = np.arange(minutes)
    after = np.searchsorted(at, minute)
    before = np.searchsorted(at, minute, side="right") - 1
    inside = (before >= 0) & (after < len(at))
    apart = np.where(inside, at[np.minimum(after, len(at) - 1)] - at[np.maximum(before, 0)], LONGEST_BETWEEN_MIN + 1)
    return np.where(apart <= LONGEST_BETWEEN_MIN, np.interp(minute, at, values), np.nan)
