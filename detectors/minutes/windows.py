"""Windows of 60 valid minutes, and the decisions that fall every 15 of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from detectors.array_types import Bools, Floats32, Ints
from detectors.minutes.cleaning import CleanMinutes
from detectors.minutes.sampling import too_sparse

WINDOW_MIN: Final = 60
STEP_MIN: Final = 15
FIRST_MIN: Final = 38
"""Decision k judges the minutes 15k+38 .. 15k+52 of its stream and may see up to 15k+59: 7 minutes of look-ahead."""
MAX_SPAN_MIN: Final = 2 * WINDOW_MIN
LEAST_USABLE_SHARE: Final = 0.5
"""An enrolment of which fewer decisions are usable begins anew: so little measured teaches nothing of a device."""
Z_CLIP: Final = 8.0

_DAY_MIN: Final = 1440
_WEEK_MIN: Final = 7 * _DAY_MIN
_MONDAY_MIN: Final = 3 * _DAY_MIN  # 1970-01-01 was a Thursday, three days after a Monday


def decision_count(valid_minutes: int) -> int:
    """Return how many decisions a stream of so many valid minutes holds.

    >>> decision_count(59), decision_count(60), decision_count(75)
    (0, 1, 2)
    """
    return max(0, (valid_minutes - WINDOW_MIN) // STEP_MIN + 1)


def decision_minute(decision: ArrayLike) -> Ints:
    """Return the index (valid minutes) of the last minute that decision k may see.

    >>> decision_minute([0, 1]).tolist()
    [59, 74]
    """
    return STEP_MIN * np.asarray(decision, np.int64) + WINDOW_MIN - 1


def after_enrolment(decision: Ints, enrolment_min: ArrayLike) -> Bools:
    """Return bool[R]: the last hour that a decision int64[R] judges lies wholly after the enrolment (one, or int64[R]).

    >>> after_enrolment(np.array([30, 60]), 600).tolist()
    [False, True]
    """
    return np.asarray(STEP_MIN * decision + FIRST_MIN + STEP_MIN - WINDOW_MIN >= np.asarray(enrolment_min))


def usable_decisions(minutes: CleanMinutes) -> Bools:
    """Return bool[k]: the decision's 60 valid minutes span at most 120 event minutes and are measured densely enough."""
    last = decision_minute(np.arange(decision_count(len(minutes))))
    span_min = minutes.event_minute[last] - minutes.event_minute[last - (WINDOW_MIN - 1)]
    usable: Bools = (span_min <= MAX_SPAN_MIN) & ~too_sparse(minutes.observed, last)
    return usable


def usable_window_ends(minutes: CleanMinutes) -> Ints:
    """Return the indices that end a usable window: a measured minute, 60 valid ones over at most 120 event minutes."""
    if len(minutes) < WINDOW_MIN:
        return np.empty(0, np.int64)
    first = minutes.event_minute[: len(minutes) - WINDOW_MIN + 1]
    last = minutes.event_minute[WINDOW_MIN - 1 :]
    usable = (last - first <= MAX_SPAN_MIN) & minutes.observed[WINDOW_MIN - 1 :]
    return np.flatnonzero(usable).astype(np.int64) + (WINDOW_MIN - 1)


def cut_windows(minutes: CleanMinutes, ends: Ints) -> tuple[Floats32, Ints]:
    """Return (values float32[k, 60, 2], event_minute int64[k, 60]) of the windows that end at `ends`."""
    if not len(ends):
        return np.empty((0, WINDOW_MIN, 2), np.float32), np.empty((0, WINDOW_MIN), np.int64)
    first = ends - (WINDOW_MIN - 1)
    values = sliding_window_view(minutes.values.astype(np.float32), WINDOW_MIN, axis=0)[first]
    event_minute = sliding_window_view(minutes.event_minute, WINDOW_MIN)[first]
    return np.ascontiguousarray(values.transpose(0, 2, 1)), event_minute


def scaled(values: NDArray[np.floating], median: ArrayLike, scale: ArrayLike) -> Floats32:
    """Return float32 z = (values - median) / scale clipped to +-8. `median` and `scale` broadcast.

    >>> scaled(np.array([84.0, 200.0]), 80.0, 4.0).tolist()
    [1.0, 8.0]
    """
    z = (values - np.asarray(median, np.float32)) / np.asarray(scale, np.float32)
    return np.clip(z, -Z_CLIP, Z_CLIP).astype(np.float32)


def calendar_features(event_minute: Ints) -> Floats32:
    """Return float32[..., 4]: sine and cosine of the time of day, then of the time of week (Monday 00:00 UTC = 0).

    Inputs of the paper's own network (Sec. V); the detector's network does not read them.

    >>> calendar_features(np.array([0])).astype(float).round(2).tolist()
    [[0.0, 1.0, 0.43, -0.9]]
    """
    return _CALENDAR[(event_minute + _MONDAY_MIN) % _WEEK_MIN]


def _calendar_table() -> Floats32:
    minute = np.arange(_WEEK_MIN)
    day = 2 * np.pi * (minute % _DAY_MIN) / _DAY_MIN
    week = 2 * np.pi * minute / _WEEK_MIN
    return np.stack([np.sin(day), np.cos(day), np.sin(week), np.cos(week)], axis=-1).astype(np.float32)


_CALENDAR: Final = _calendar_table()
