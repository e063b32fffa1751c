"""A device's minutes in columns: bounded, in order, each once."""

from __future__ import annotations

import numpy as np
from console_ward import scores_of
from msgspec.structs import replace

from console.sources.series import CAPACITY_MIN, Minutes
from contracts.messages.verdicts import DeviceState


def batch(first: int, minutes: int, **changes):
    return replace(scores_of("a", DeviceState.BENIGN, minutes, first), **changes)


def minutes_of(series: Minutes) -> list[int]:
    return series.latest(len(series))["minute"].tolist()


def test_minutes_come_once_and_in_order_however_often_they_are_told() -> None:
    series = Minutes.of_scores()
    for first, count in ((100, 10), (105, 10), (100, 5), (115, 1)):
        series.take_scores(batch(first, count))
    assert minutes_of(series) == list(range(100, 116))
    assert series.added == 16


def test_after_some_days_only_the_last_day_is_held() -> None:
    series = Minutes.of_scores()
    for first in range(0, 10_000, 7):
        series.take_scores(batch(first, 7))
    assert minutes_of(series) == list(range(10_003 - CAPACITY_MIN, 10_003))
    assert len(series._columns["minute"]) <= 4 * CAPACITY_MIN
    series.take_scores(batch(20_000, 3 * CAPACITY_MIN))
    assert minutes_of(series) == list(range(20_000 + 2 * CAPACITY_MIN, 20_000 + 3 * CAPACITY_MIN))


def test_what_is_new_since_a_count_is_what_came_after_it() -> None:
    series = Minutes.of_scores()
    series.take_scores(batch(0, 30))
    seen = series.added
    series.take_scores(batch(30, 4))
    assert series.after(seen)["minute"].tolist() == [30, 31, 32, 33]
    assert series.after(series.added)["minute"].tolist() == []


def test_a_new_session_begins_anew_and_an_old_one_or_a_fenced_worker_is_not_heard() -> None:
    series = Minutes.of_scores()
    series.take_scores(batch(100, 10, session_id=2, epoch=5))
    series.take_scores(batch(200, 10, session_id=1, epoch=9))
    series.take_scores(batch(110, 10, session_id=2, epoch=4))
    assert minutes_of(series) == list(range(100, 110))
    series.take_scores(batch(50, 3, session_id=3, epoch=5))
    assert minutes_of(series) == [50, 51, 52]
    assert series.begun == 2


def test_a_missing_score_stays_missing() -> None:
    series = Minutes.of_scores()
    series.take_scores(batch(0, 80))
    assert np.flatnonzero(np.isfinite(series.latest(80)["score"])).tolist() == [59, 74]
