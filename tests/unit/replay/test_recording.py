"""A recording holds together, and a part of it is a recording of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Misconfigured
from replay.recording import Recording, round_to_grid

NOTHING = np.array([], dtype=np.float64)


def make(**changes: object) -> Recording:
    fields: dict[str, object] = {
        "device_id": "bed-1",
        "first_event_minute": 1000,
        "heart_rate_bpm": np.array([80.0, np.nan, 82.0, 83.0]),
        "resp_rate_bpm": np.array([15.0, 16.0, np.nan, 18.0]),
        "pulse_bpm": np.array([80.1, 81.0, 82.0, np.nan]),
    }
    return Recording(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_part_keeps_its_event_time_and_all_channels() -> None:
    part = make().sliced(1, 2)
    assert (part.first_event_minute, part.minutes, part.end_event_minute) == (1001, 2, 1003)
    np.testing.assert_array_equal(part.heart_rate_bpm, [np.nan, 82.0])
    np.testing.assert_array_equal(part.resp_rate_bpm, [16.0, np.nan])
    assert part.pulse_bpm is not None
    np.testing.assert_array_equal(part.pulse_bpm, [81.0, 82.0])


def test_a_part_that_reaches_past_the_end_is_shortened() -> None:
    assert make().sliced(2, 100).minutes == 2
    assert make(pulse_bpm=None).sliced(2).channels().keys() == {"heart_rate_bpm", "resp_rate_bpm"}


@pytest.mark.parametrize(("start", "minutes"), [(4, 1), (-1, 1), (0, 0)])
def test_a_part_outside_the_recording_is_refused(start: int, minutes: int) -> None:
    with pytest.raises(Misconfigured, match="bed-1"):
        make().sliced(start, minutes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device_id": "Bed 1"}, "not a device id"),
        ({"resp_rate_bpm": np.zeros(3)}, "resp_rate_bpm is float64 of shape"),
        ({"pulse_bpm": np.zeros(5)}, "pulse_bpm"),
        ({"heart_rate_bpm": np.array([1, 2, 3, 4])}, "int64"),
        ({"heart_rate_bpm": np.array([80.0, np.inf, 1, 1])}, "infinite"),
        ({"resolution_bpm": 0.0}, "above 0"),
        ({"heart_rate_bpm": NOTHING, "resp_rate_bpm": NOTHING, "pulse_bpm": None}, "at least one minute"),
    ],
)
def test_channels_that_do_not_fit_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        make(**changes)


@given(st.integers(0, 3000), st.sampled_from([0.1, 1.0, 0.01]))
def test_a_value_on_the_grid_is_not_moved_by_rounding_to_it(steps: int, resolution_bpm: float) -> None:
    value = round(steps * resolution_bpm, 6)
    assert round_to_grid(np.array([value]), resolution_bpm)[0] == value
