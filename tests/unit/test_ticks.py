"""A device's minutes on their way in: which are decided on, and what the guards heard by then."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.intake import RowBuffer
from detectors.ticks import MinuteStream, Tick

NAN = float("nan")
BLOCK = 400_000_000  # the first minute of a block


def pushed(
    *minutes: tuple[int, float | None, float | None], pulse: float | None = None
) -> tuple[list[Tick], RowBuffer]:
    stream, rows = MinuteStream(BLOCK - 1, 0), RowBuffer()
    return [stream.push(BLOCK + at, heart, breath, pulse, rows) for at, heart, breath in minutes], rows


def test_the_first_valid_minute_of_a_block_is_decided_on() -> None:
    ticks, _ = pushed(*[(at, 80.0, 15.0) for at in (0, 1, 4, 5, 6, 23, 24)])
    assert [tick.event_minute - BLOCK for tick in ticks if tick.decision] == [0, 5, 23]


@pytest.mark.parametrize("missing", [None, 0.0, NAN, 301.0])
def test_a_missing_minute_is_not_and_pushes_nothing(missing: float | None) -> None:
    ticks, rows = pushed((0, missing, 15.0), (1, 80.0, missing), (2, 80.0, 15.0))
    assert [(tick.valid, tick.decision) for tick in ticks] == [(False, False), (False, False), (True, True)]
    assert rows.event_minute == [BLOCK + 2]


def test_a_tick_ends_with_its_own_row_after_those_that_close_a_gap() -> None:
    ticks, rows = pushed((0, 80.0, 15.0), (3, 83.0, 15.0))
    assert [(tick.first_row, tick.end_row) for tick in ticks] == [(0, 1), (1, 4)]
    assert rows.event_minute == [BLOCK, BLOCK + 1, BLOCK + 2, BLOCK + 3]
    assert rows.values == [80.0, 15.0, 81.0, 15.0, 82.0, 15.0, 83.0, 15.0]


def test_the_distance_to_the_pulse_is_known_at_decisions_after_ten_minutes_that_have_one() -> None:
    ticks, _ = pushed(*[(at, 80.0, 15.0) for at in range(12)], pulse=77.0)
    assert [tick.pulse_median_bpm for tick in ticks] == [None] * 10 + [3.0, None]


@pytest.mark.parametrize("pulse", [None, 0.0, NAN])
def test_a_missing_pulse_is_no_distance(pulse: float | None) -> None:
    ticks, _ = pushed(*[(at, 80.0, 15.0) for at in range(40)], pulse=pulse)
    assert {tick.pulse_median_bpm for tick in ticks} == {None}


def test_what_was_sent_before_is_known_at_decisions_only() -> None:
    walk = np.round(80 + np.cumsum(np.random.default_rng(0).normal(0, 1, 120)), 1).tolist()
    ticks, _ = pushed(*[(at, heart, 15.0) for at, heart in enumerate([*walk, *walk])])
    assert max(tick.replayed for tick in ticks[:120]) == 0
    assert ticks[235].replayed > 0.5
    assert {tick.replayed for tick in ticks if not tick.decision} == {0.0}
