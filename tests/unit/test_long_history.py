"""Eighteen hours of every device, kept small."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.long_history import FIRST_CAPACITY, LongHistory, LongWindows
from detectors.windows import EMPTY


def rows_of(first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    minutes = np.arange(first, first + count)
    return np.stack([20 + minutes % 2801 / 10, 3 + minutes % 97], axis=1).astype(np.float32), minutes


@given(st.lists(st.integers(1, 1500), min_size=1, max_size=6))
def test_any_packing_gives_the_last_eighteen_hours(counts: list[int]) -> None:
    history, written = LongHistory(), 0
    history.clear(3)
    for count in counts:
        values, minutes = rows_of(written, count)
        asked = np.unique([0, count // 2, count - 1])
        found = history.windows(3, values, minutes, asked)
        history.push(3, values, minutes)
        assert found.usable.tolist() == [written + row >= 359 for row in asked]
        for window, window_minutes, row in zip(found.values, found.event_minute, asked[found.usable], strict=True):
            last = written + row
            expected, expected_minutes = rows_of(max(0, last - 1079), min(last + 1, 1080))
            np.testing.assert_allclose(window[-len(expected) :], expected, atol=1e-5)
            assert window_minutes[-len(expected) :].tolist() == expected_minutes.tolist()
            assert (window_minutes[: -len(expected)] == EMPTY).all()
        written += count


def test_values_are_kept_to_the_hundredth_over_the_whole_range() -> None:
    history = LongHistory()
    history.clear(0)
    values = np.array([[20.0, 3.0], [300.0, 100.0], [80.123, 15.126]], np.float32).repeat(120, axis=0)
    found = history.windows(0, values, np.arange(360), np.array([359]))
    np.testing.assert_array_equal(found.values[0, [720, 840, 960]], np.float32([[20, 3], [300, 100], [80.12, 15.13]]))


def test_six_hours_over_more_than_twelve_are_not_usable() -> None:
    history = LongHistory()
    history.clear(0)
    values, minutes = rows_of(0, 360)
    minutes[180:] += 361  # spans 720
    assert history.windows(0, values, minutes, np.array([359])).usable.all()
    minutes[180:] += 1
    assert not history.windows(0, values, minutes, np.array([359])).usable.any()


def test_a_cleared_slot_remembers_nothing() -> None:
    history = LongHistory()
    history.clear(0)
    history.push(0, *rows_of(0, 1080))
    history.clear(0)
    found = history.windows(0, *rows_of(1080, 360), np.array([359]))
    assert (found.event_minute[0, :720] == EMPTY).all()
    assert not found.values[0, :720].any()


def test_it_grows_with_the_slots_and_keeps_what_it_holds() -> None:
    history = LongHistory()
    history.clear(0)
    history.push(0, *rows_of(0, 400))
    history.clear(3 * FIRST_CAPACITY)
    history.push(3 * FIRST_CAPACITY, *rows_of(7, 400))
    for slot, first in ((0, 400), (3 * FIRST_CAPACITY, 407)):
        found = history.windows(slot, *rows_of(first, 1), np.array([0]))
        assert found.event_minute[0, -401:].tolist() == list(range(first - 400, first + 1))


def test_windows_of_several_devices_are_joined_in_order() -> None:
    history = LongHistory()
    history.clear(0)
    short = history.windows(0, *rows_of(0, 10), np.array([9]))
    long = history.windows(0, *rows_of(0, 400), np.array([398, 399]))
    joined = LongWindows.joined([short, long])
    assert joined.usable.tolist() == [False, True, True]
    assert joined.event_minute[:, -1].tolist() == [398, 399]
    assert LongWindows.joined([]).values.shape == (0, 1080, 2)
