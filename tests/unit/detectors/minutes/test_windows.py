"""Windows of sixty valid minutes, and where decisions fall among them."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.minutes.cleaning import clean
from detectors.minutes.windows import (
    calendar_features,
    cut_windows,
    decision_count,
    decision_minute,
    scaled,
    usable_decisions,
    usable_window_ends,
)

NAN = float("nan")


@pytest.mark.parametrize(("minutes", "count"), [(0, 0), (59, 0), (60, 1), (74, 1), (75, 2), (1440, 93)])
def test_a_decision_falls_with_the_sixtieth_minute_and_every_fifteen_after(minutes: int, count: int) -> None:
    assert decision_count(minutes) == count
    if count:
        assert decision_minute(count - 1) < minutes <= decision_minute(count)


def stream(gap: int):
    heart = np.full(200 + gap, 80.0)
    heart[30 : 30 + gap] = NAN
    return clean(0, heart, np.full(200 + gap, 15.0))


def test_a_window_is_usable_up_to_twice_its_length() -> None:
    assert usable_decisions(stream(61)).all()  # from 0 to 120
    assert usable_decisions(stream(62)).tolist()[:4] == [False, False, True, True]


def test_a_usable_window_ends_on_a_measured_minute() -> None:
    minutes = stream(61)
    assert minutes.event_minute[usable_window_ends(minutes)].tolist() == list(range(120, 261))
    minutes = stream(62)
    assert minutes.event_minute[usable_window_ends(minutes)].tolist() == list(range(151, 262))
    heart = np.full(100, 80.0)
    heart[70:75] = NAN
    minutes = clean(0, heart, np.full(100, 15.0))
    ends = minutes.event_minute[usable_window_ends(minutes)].tolist()
    assert set(range(59, 100)) - set(ends) == set(range(70, 75))


def test_windows_are_the_sixty_minutes_up_to_their_end() -> None:
    heart = np.arange(20.0, 120.0)
    minutes = clean(7, heart, np.full(100, 15.0))
    values, event_minute = cut_windows(minutes, np.array([59, 99]))
    assert values.shape == (2, 60, 2)
    assert values[1, :, 0].tolist() == heart[40:].tolist()
    assert event_minute[0].tolist() == list(range(7, 67))
    assert cut_windows(minutes, np.empty(0, np.int64))[0].shape == (0, 60, 2)
    assert not len(usable_window_ends(clean(0, heart[:59], heart[:59])))


def test_scaled_values_are_clipped_to_eight() -> None:
    z = scaled(np.array([[80, 15], [120, 0]], np.float32), (80.0, 15.0), (4.0, 1.5))
    assert z.tolist() == [[0, 0], [8, -8]]
    assert z.dtype == np.float32


def test_calendar_starts_at_monday_midnight_and_survives_far_years() -> None:
    monday = 4 * 1440  # 1970-01-05
    assert calendar_features(np.array([monday])).tolist() == [[0, 1, 0, 1]]
    noon = calendar_features(np.array([monday + 720 + 48_000 * 10_080]))
    assert noon[0, :2].tolist() == pytest.approx([0, -1], abs=1e-6)
    assert noon[0, 2] == pytest.approx(np.sin(2 * np.pi / 14))
