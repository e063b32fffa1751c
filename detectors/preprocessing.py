"""From vital signs to model input: artefacts out, short gaps closed, windows cut, values scaled; the same offline and online."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

WINDOW_MIN: Final = 60
MAX_SPAN_MIN: Final = 2 * WINDOW_MIN
MAX_GAP_MIN: Final = 10
LOWEST: Final = (20.0, 3.0)
HIGHEST: Final = (300.0, 100.0)
SCALE_FLOOR: Final = (4.0, 1.5)
Z_CLIP: Final = 8.0

_DAY_MIN: Final = 1440
_WEEK_MIN: Final = 7 * _DAY_MIN
_MONDAY_MIN: Final = 3 * _DAY_MIN  # 1970-01-01 was a Thursday, three days after a Monday


@dataclass(frozen=True, slots=True)
class Rows:
    """What a series pushes into the history: valid minutes and the closed short gaps between them.

    `values` float32[n, 2] (heart rate in bpm, respiratory rate in breaths/min), `event_minute` int64[n] (rising),
    `interpolated` bool[n]. Nothing is missing in it.
    """

    values: NDArray[np.float32]
    event_minute: NDArray[np.int64]
    interpolated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.event_minute)


def valid_minutes(heart_rate_bpm: ArrayLike, resp_rate_bpm: ArrayLike) -> NDArray[np.bool_]:
    """Return bool[n]: both channels present and no artefact (zero and NaN are missing, bounds are included)."""
    heart = np.asarray(heart_rate_bpm, np.float64)
    breath = np.asarray(resp_rate_bpm, np.float64)
    in_heart = (heart >= LOWEST[0]) & (heart <= HIGHEST[0])
    return np.logical_and(in_heart, (breath >= LOWEST[1]) & (breath <= HIGHEST[1]))


def pushed_rows(first_event_minute: int, heart_rate_bpm: ArrayLike, resp_rate_bpm: ArrayLike) -> Rows:
    """Return the rows that a series of consecutive minutes (NaN = missing) pushes.

    A gap of at most `MAX_GAP_MIN` minutes is interpolated linearly; a longer one pushes nothing. The batch form of
    `detectors.intake`, equal to it to the last bit.
    """
    vitals = np.stack([np.asarray(heart_rate_bpm, np.float64), np.asarray(resp_rate_bpm, np.float64)], axis=-1)
    valid_at = np.flatnonzero(valid_minutes(vitals[:, 0], vitals[:, 1]))
    if not len(valid_at):
        return Rows(np.empty((0, 2), np.float32), np.empty(0, np.int64), np.empty(0, np.bool_))
    distance = np.diff(valid_at, append=valid_at[-1:] + 1)
    closed = np.where(distance <= MAX_GAP_MIN + 1, distance, 1)
    first_row = np.cumsum(closed) - closed
    step = np.arange(closed.sum()) - np.repeat(first_row, closed)
    start = np.repeat(np.arange(len(valid_at)), closed)
    before = vitals[valid_at[start]]
    after = vitals[valid_at[np.minimum(start + 1, len(valid_at) - 1)]]
    values = before + (after - before) * (step / closed[start])[:, None]
    return Rows(values.astype(np.float32), first_event_minute + valid_at[start] + step, step > 0)


def usable_window_ends(rows: Rows) -> NDArray[np.int64]:
    """Return the indices of rows that end a usable window: a valid minute, 60 rows over at most 120 event minutes."""
    if len(rows) < WINDOW_MIN:
        return np.empty(0, np.int64)
    first = rows.event_minute[: len(rows) - WINDOW_MIN + 1]
    last = rows.event_minute[WINDOW_MIN - 1 :]
    usable = (last - first <= MAX_SPAN_MIN) & ~rows.interpolated[WINDOW_MIN - 1 :]
    return np.flatnonzero(usable).astype(np.int64) + (WINDOW_MIN - 1)


def cut_windows(rows: Rows, ends: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return (values float32[k, 60, 2], event_minute int64[k, 60]) of the windows that end at the rows `ends`."""
    if not len(ends):
        return np.empty((0, WINDOW_MIN, 2), np.float32), np.empty((0, WINDOW_MIN), np.int64)
    values = sliding_window_view(rows.values, WINDOW_MIN, axis=0)[ends - (WINDOW_MIN - 1)]
    minutes = sliding_window_view(rows.event_minute, WINDOW_MIN)[ends - (WINDOW_MIN - 1)]
    return np.ascontiguousarray(values.transpose(0, 2, 1)), minutes


def robust_scale(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (median[2], scale[2]) of rows float32[n, 2], n >= 1; scale = max((1.48 MAD + sd)/2, 4 bpm | 1.5 /min)."""
    exact = values.astype(np.float64)
    median = np.median(exact, axis=0)
    mad = np.median(np.abs(exact - median), axis=0)
    return median, np.maximum((1.48 * mad + exact.std(axis=0)) / 2, SCALE_FLOOR)


def scaled(values: NDArray[np.float32], median: ArrayLike, scale: ArrayLike) -> NDArray[np.float32]:
    """Return float32 z = (values - median)/scale clipped to +-8; `median` and `scale` broadcast against `values`."""
    z = (values - np.asarray(median, np.float32)) / np.asarray(scale, np.float32)
    return np.clip(z, np.float32(-Z_CLIP), np.float32(Z_CLIP))


def calendar_features(event_minute: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return float32[..., 4]: sine and cosine of the time of day, then of the time of week (Monday 00:00 UTC = 0)."""
    return _CALENDAR[(event_minute + _MONDAY_MIN) % _WEEK_MIN]


def _calendar_table() -> NDArray[np.float32]:
    minute = np.arange(_WEEK_MIN)
    day = 2 * np.pi * (minute % _DAY_MIN) / _DAY_MIN
    week = 2 * np.pi * minute / _WEEK_MIN
    return np.stack([np.sin(day), np.cos(day), np.sin(week), np.cos(week)], axis=-1).astype(np.float32)


_CALENDAR: Final = _calendar_table()
