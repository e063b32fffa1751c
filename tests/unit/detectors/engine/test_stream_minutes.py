"""When a stream's valid minutes were, however many gaps lie between them."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.engine.intake import StreamMinutes


def test_minutes_are_found_by_their_index_across_gaps() -> None:
    event_minutes = np.cumsum(np.random.default_rng(0).choice([1, 1, 1, 12], 300)) + 1000
    minutes = StreamMinutes()
    cuts = [minutes.append(index, minute) for index, minute in enumerate(event_minutes.tolist())]
    assert cuts == [False, *(np.diff(event_minutes) > 1).tolist()]
    assert [minutes.at(index) for index in range(300)] == event_minutes.tolist()
    minutes.forget_before(140)
    assert [minutes.at(index) for index in range(140, 300)] == event_minutes[140:].tolist()
    assert minutes.last == event_minutes[-1]


def test_of_minutes_that_were_forgotten_the_oldest_left_is_told() -> None:
    minutes = StreamMinutes()
    for index, minute in enumerate([10, 11, 50, 51]):
        minutes.append(index, minute)
    minutes.forget_before(2)
    assert [minutes.at(index) for index in (0, 1, 2, 3)] == [50, 50, 50, 51]


def test_before_the_first_minute_there_is_none() -> None:
    with pytest.raises(IndexError):
        StreamMinutes().at(0)
