"""Readings become minutes: each once, in order, its mean that of what was valid."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages.ingest import Reading
from ingest.minutes import FILLED_GAP_MIN, MOST_READINGS_A_MINUTE, DeviceMinutes, Minute, stretches

M = 1000


def heart(second: float, value: float | None, source: int = 0) -> Reading:
    return Reading("heart_rate_bpm", source, M * 60 + second, value)


def breath(second: float, value: float | None, source: int = 0) -> Reading:
    return Reading("resp_rate_bpm", source, M * 60 + second, value)


def device(**options) -> DeviceMinutes:
    return DeviceMinutes(**{"grace_s": 10.0, "silence_s": 90.0} | options)


def fed(one: DeviceMinutes, *readings: Reading, offset: int = 0, now: float = 0.0) -> list[str]:
    return [one.take(reading, offset, now) for reading in readings]


def test_a_minute_is_the_mean_of_its_valid_values_to_a_tenth_and_one_value_stays_as_it_is() -> None:
    one = device()
    fed(one, heart(0, 80.0), heart(20, 81.0), heart(40, 81.0), heart(50, None), breath(5, 15.25), heart(70, 90.0))
    assert one.close_passed() == [Minute(M, 80.7, 15.25, None)]


def test_a_minute_stays_open_for_the_grace() -> None:
    one = device()
    fed(one, heart(0, 80.0), heart(69.9, 90.0))
    assert one.close_passed() == []
    assert fed(one, heart(59, 82.0), heart(70, 90.0)) == ["new", "new"]
    assert one.close_passed() == [Minute(M, 81.0, None, None)]


def test_what_comes_after_its_minute_is_late_and_what_comes_twice_counts_once() -> None:
    one = device()
    assert fed(one, heart(0, 80.0), heart(0, 80.0), heart(30, 90.0), heart(100, 70.0)) == [
        "new",
        "repeated",
        "new",
        "new",
    ]
    assert one.close_passed() == [Minute(M, 85.0, None, None)]
    assert fed(one, heart(0, 80.0), heart(59, 10.0)) == ["late", "late"]
    assert one.close_passed() == []


def test_minutes_that_were_sent_before_a_restart_are_not_sent_again() -> None:
    one = device(sent_through=M)
    assert fed(one, heart(0, 80.0), heart(60, 81.0), heart(130, 82.0)) == ["late", "new", "new"]
    assert one.close_passed() == [Minute(M + 1, 81.0, None, None)]


def test_a_silent_device_gives_out_what_is_open() -> None:
    one = device()
    fed(one, heart(0, 80.0), now=5.0)
    fed(one, heart(0, 80.0), now=60.0)  # the same again is not new
    assert one.close_silent(94.9) == []
    assert one.close_silent(95.0) == [Minute(M, 80.0, None, None)]


def test_a_device_that_is_heard_without_a_value_has_missing_minutes() -> None:
    one = device()
    fed(one, heart(0, None), breath(60, None), heart(130, None))
    assert one.close_passed() == [Minute(M, None, None, None), Minute(M + 1, None, None, None)]


def test_one_source_is_kept_to_while_it_sends_and_left_when_it_has_been_silent() -> None:
    one = device()
    values = []
    for minute in range(12):
        start = minute * 60
        fed(one, breath(start, 18.0, source=4), breath(start + 70, None))
        if minute < 3 or minute == 5:
            fed(one, breath(start + 1, 16.0, source=1))
        if minute >= 2:
            fed(one, breath(start + 2, 14.0, source=0))
        values += [each.resp_rate_bpm for each in one.close_passed()]
    assert values == [16.0, 16.0, 16.0, None, None, 16.0, None, None, None, None, None, 14.0]
    assert one.sources == {"resp_rate_bpm": 0}


def test_an_earlier_runs_source_is_kept_to() -> None:
    one = device()
    one.keep_to({"resp_rate_bpm": 4})
    fed(one, breath(0, 16.0), breath(0, 18.0, source=4), breath(100, None))
    assert one.close_passed()[0].resp_rate_bpm == 18.0


def test_the_first_record_of_what_is_open_is_known() -> None:
    one = device()
    assert one.first_offset is None
    fed(one, heart(0, 80.0), offset=7)
    fed(one, heart(70, 80.0), offset=9)
    assert one.first_offset == 7
    one.close_passed()
    assert one.first_offset == 9


def test_a_minute_holds_a_bounded_number_of_readings() -> None:
    one = device()
    taken = fed(one, *(heart(number / 1000, 80.0) for number in range(MOST_READINGS_A_MINUTE + 5)))
    assert taken.count("new") == MOST_READINGS_A_MINUTE


@given(st.permutations([(second, 60.0 + second / 7) for second in range(0, 60, 7)]))
def test_the_mean_does_not_depend_on_the_order(pairs: list[tuple[int, float]]) -> None:
    one, other = device(), device()
    fed(one, *(heart(second, value) for second, value in pairs), heart(99, 80.0))
    fed(other, *(heart(second, value) for second, value in sorted(pairs)), heart(99, 80.0))
    assert one.close_passed() == other.close_passed()


@pytest.mark.parametrize(
    ("missing", "runs"), [(1, [3]), (FILLED_GAP_MIN, [FILLED_GAP_MIN + 2]), (FILLED_GAP_MIN + 1, [1, 1])]
)
def test_short_gaps_are_filled_as_missing_and_long_ones_left(missing: int, runs: list[int]) -> None:
    found = list(stretches([Minute(M, 80.0, None, None), Minute(M + missing + 1, 81.0, None, None)], M - 1))
    assert [len(run) for run in found] == runs
    assert all(later.event_minute == one.event_minute + 1 for run in found for one, later in pairwise(run))


def test_the_gap_to_what_was_sent_is_filled_too_and_no_message_is_too_long() -> None:
    (run,) = stretches([Minute(M, 80.0, None, None)], M - 3)
    assert [minute.event_minute for minute in run] == [M - 2, M - 1, M]
    many = [Minute(M + at * 50, 80.0, None, None) for at in range(60)]
    assert max(len(run) for run in stretches(many, None)) <= 1440
    assert sum(len(run) for run in stretches(many, None)) == 59 * 50 + 1
