"""Windows of a whole series at once are those that the engine cuts from its rings, minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import LIVES, START, Life, chunk, cuts, life, open_tracks
from plain_model import PlainModel, PlainScores

from detectors.intake import RowBuffer
from detectors.preprocessing import Rows, pushed_rows, usable_window_ends
from detectors.ticks import MinuteStream
from detectors.windows import EMPTY, Windows, decision_ends, windows_at


@dataclass
class Watching(PlainModel):
    """Keeps every window that it is asked to score, by its last minute."""

    hours: dict[int, np.ndarray] = field(default_factory=dict)
    half_days: dict[int, np.ndarray] = field(default_factory=dict)

    def score(self, windows: Windows, sticks: object) -> PlainScores:
        for values, minutes in zip(windows.values, windows.event_minute, strict=True):
            self.hours[int(minutes[-1])] = np.column_stack([values, minutes - START])
        np.testing.assert_array_equal(windows.event_minute[windows.slow, -1], windows.slow_minute[:, -1])
        for values, minutes in zip(windows.slow_values, windows.slow_minute, strict=True):
            self.half_days[int(minutes[-1])] = np.column_stack([values, minutes - START])
        return super().score(windows, sticks)


def offline(rows: Rows, ends: np.ndarray) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    cut = windows_at(rows, ends)
    assert len(cut) == len(ends)
    hours = [np.column_stack([v, m - START]) for v, m in zip(cut.values, cut.event_minute, strict=True)]
    long = [np.column_stack([v, m - START]) for v, m in zip(cut.slow_values, cut.slow_minute, strict=True)]
    last = rows.event_minute[ends].tolist()
    return dict(zip(last, hours, strict=True)), {last[at]: one for at, one in zip(cut.slow, long, strict=True)}


def same(found: dict[int, np.ndarray], expected: dict[int, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for minute, window in expected.items():
        np.testing.assert_array_equal(found[minute], window)


def rows_of(lived: Life) -> Rows:
    return pushed_rows(START, lived.heart, np.where(lived.heart > 0, 15.0, np.nan))


@settings(deadline=None, max_examples=40)
@given(st.data(), LIVES)
def test_offline_windows_equal_those_of_the_engine(data: st.DataObject, runs: list[tuple[float, int]]) -> None:
    lived = life(runs)
    model = Watching()
    tracks = open_tracks(model)
    tracks.apply([lived.part(a, b) for a, b in cuts(data.draw, len(lived))])
    rows = rows_of(lived)
    same(model.hours, offline(rows, usable_window_ends(rows))[0])
    same(model.half_days, offline(rows, decision_ends(rows))[1])


def test_a_day_minute_by_minute_has_the_windows_of_the_whole_day() -> None:
    lived = life(
        [(80.0, 400), (80.0, 400), (float("nan"), 70), (80.0, 400), (125.0, 140), (float("nan"), 9), (80.0, 70)]
    )
    model = Watching()
    tracks = open_tracks(model)
    for minute in range(len(lived)):
        tracks.apply([lived.part(minute, minute + 1)])
    rows = rows_of(lived)
    same(model.hours, offline(rows, usable_window_ends(rows))[0])
    same(model.half_days, offline(rows, decision_ends(rows))[1])
    assert len(model.half_days) == 199


@settings(deadline=None)
@given(LIVES)
def test_decisions_fall_offline_where_they_fall_in_the_stream(runs: list[tuple[float, int]]) -> None:
    lived = life(runs)
    stream, buffer = MinuteStream(START - 1, 0), RowBuffer()
    heart = [None if np.isnan(beat) else beat for beat in lived.heart.tolist()]
    ticks = [stream.push(START + at, beat, 15.0, None, buffer) for at, beat in enumerate(heart)]
    rows = rows_of(lived)
    usable = set(usable_window_ends(rows).tolist())
    expected = [tick.end_row - 1 for tick in ticks if tick.decision and tick.end_row - 1 in usable]
    assert decision_ends(rows).tolist() == expected
    assert decision_ends(rows, 100, 300).tolist() == [row for row in expected if 100 <= row < 300]


def test_an_hour_without_six_hours_behind_it_has_no_long_window() -> None:
    rows = pushed_rows(START, np.full(400, 80.0), np.full(400, 15.0))
    cut = windows_at(rows, np.array([59, 358, 359, 399]))
    assert cut.slow.tolist() == [2, 3]
    assert cut.slow_minute[0, :720].tolist() == [EMPTY] * 720
    assert cut.slow_minute[0, 720:].tolist() == list(range(START, START + 360))
    assert cut.slow_values[1, 679:681].tolist() == [[0.0, 0.0], [80.0, 15.0]]


def test_six_hours_spread_over_more_than_twelve_are_no_long_window() -> None:
    heart = np.full(721, np.nan)
    heart[:180] = heart[-180:] = 80.0
    rows = pushed_rows(START, heart, np.full(721, 15.0))
    assert windows_at(rows, np.array([len(rows) - 1])).slow.tolist() == [0]
    later = pushed_rows(START, np.insert(heart, 300, np.nan), np.full(722, 15.0))
    assert windows_at(later, np.array([len(later) - 1])).slow.tolist() == []


def test_no_ends_give_no_windows() -> None:
    cut = windows_at(pushed_rows(START, np.full(400, 80.0), np.full(400, 15.0)), np.empty(0, np.int64))
    assert (cut.values.shape, cut.slow_values.shape) == ((0, 60, 2), (0, 1080, 2))
    tracks = open_tracks(PlainModel())
    assert not tracks.apply([chunk([])])[0].windows
