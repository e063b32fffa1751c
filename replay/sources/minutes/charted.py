"""Make minutes of vital signs that people chart about hourly: straight lines between values at most two hours apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

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
    (heart_bpm, heart_grid), (breath_bpm, breath_grid) = (
        _minutes(charts, first, minutes) for charts in (heart, breath)
    )
    return Recording(
        device_id, first, heart_bpm, breath_bpm, None, heart_grid, origin, charted=True, resp_resolution_bpm=breath_grid
    )


def _minutes(charts: Charts, first: int, minutes: int) -> tuple[Vitals, float]:
    """Return float64[minutes] and its grid: the charted values, lines between, NaN where two are too far apart."""
    at = np.array(list(charts)) - first
    values, grid_bpm = on_own_grid(np.array(list(charts.values())))
    minute = np.arange(minutes)
    after = np.searchsorted(at, minute)
    before = np.searchsorted(at, minute, side="right") - 1
    inside = (before >= 0) & (after < len(at))
    apart = np.where(inside, at[np.minimum(after, len(at) - 1)] - at[np.maximum(before, 0)], LONGEST_BETWEEN_MIN + 1)
    lines = np.where(apart <= LONGEST_BETWEEN_MIN, np.interp(minute, at, values), np.nan)
    return round_to_grid(lines, grid_bpm), grid_bpm
