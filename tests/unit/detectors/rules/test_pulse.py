"""The pulse rule: heart rate and the device's own pulse lie too far apart for half an hour."""

from __future__ import annotations

import pytest

from detectors.rules.pulse import PulseGap, limit_bpm

START = 400_000_000


def test_the_distance_is_the_median_of_half_an_hour_of_at_least_ten_minutes() -> None:
    gap = PulseGap()
    for minute in range(9):
        gap.push(START + minute, 80.0, 79.0)
    assert gap.median_bpm(START + 8) is None
    gap.push(START + 9, 80.0, 50.0)
    assert gap.median_bpm(START + 9) == 1.0
    for minute in range(10, 30):
        gap.push(START + minute, 85.0, 80.0)
    assert gap.median_bpm(START + 29) == 5.0
    assert gap.median_bpm(START + 29 + 20) == 5.0
    assert gap.median_bpm(START + 29 + 21) is None


def test_it_does_not_matter_which_of_both_is_higher() -> None:
    gap = PulseGap()
    for minute in range(20):
        gap.push(START + minute, 80.0, 80.0 + (6 if minute % 2 else -6))
    assert gap.median_bpm(START + 19) == 6.0


@pytest.mark.parametrize(
    ("seen", "limit"),
    [
        ([], 4.0),
        ([0.5] * 50, 4.0),
        ([3.0] * 50, 5.0),
        ([7.0] * 50, 9.0),
        ([30.0] * 50, 10.0),
        ([0.5] * 60 + [6.0] * 5, 8.0),
        ([0.5] * 200 + [90.0], 4.0),
    ],
)
def test_the_limit_allows_the_patients_own_deficit_within_bounds(seen: list[float], limit: float) -> None:
    assert limit_bpm(seen) == pytest.approx(limit)
