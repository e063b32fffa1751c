"""Pace and packing follow from the speed; a value that makes no sense is refused with what would."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from replay.options import ReplayOptions, parse_speed
from replay.program import run


@pytest.mark.parametrize(
    ("speed", "pack_min", "interval_s"),
    [(1.0, 1, 60.0), (60.0, 1, 1.0), (90.0, 2, 4 / 3), (480.0, 8, 1.0), (3600.0, 60, 1.0), (None, 32, 0.0)],
)
def test_a_device_sends_at_most_a_message_a_second(speed: float | None, pack_min: int, interval_s: float) -> None:
    options = ReplayOptions(speed=speed)
    assert options.minutes_per_message == pack_min
    assert options.batch_interval_s == pytest.approx(interval_s)


def test_a_chosen_pack_wins_and_declares_its_interval() -> None:
    options = ReplayOptions(speed=60.0, pack_min=8)
    assert options.minutes_per_message == 8
    assert options.batch_interval_s == 8.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"speed": 0.0}, "number above 0"),
        ({"speed": float("nan")}, "number above 0"),
        ({"speed": float("inf")}, "or max"),
        ({"pack_min": 0}, "1 to 1440"),
        ({"pack_min": 1441}, "1 to 1440"),
        ({"start_min": -1}, "0 or more"),
        ({"minutes": 0}, "1 or more"),
        ({"repeat": 0}, "1 .* to 1000"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        ReplayOptions(**wrong)


def test_speed_is_a_number_or_max() -> None:
    assert parse_speed("max") is None
    assert parse_speed("0.5") == 0.5
    with pytest.raises(Misconfigured, match=r"'fast' is not a speed: use 1 .* or max"):
        parse_speed("fast")


def test_a_pace_at_which_every_device_would_be_stale_is_refused_before_anything_is_sent() -> None:
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", stale_cap_s=600.0)
    with pytest.raises(Misconfigured, match=r"every 600 s .*FEDSECURE_STALE_CAP_S"):
        run(settings, [], options=ReplayOptions(speed=1.0, pack_min=10))
