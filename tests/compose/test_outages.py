"""Alerts of the running project: each outage is told, what it explains is inhibited, and all clears when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from compose_project import LONG_REPLAY, alerts, all_healthy, compose, devices, has_data, is_inhibited, is_told, until

STREAMS = {f"synthetic-9-000{number}" for number in range(4)}
OF_ROUNDS = ("RoundsSkipped", "NoCommittedRound")

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module", autouse=True)
def a_ward_that_streams() -> Iterator[None]:
    """Another replay than that of `.env`, long enough for all of these: rounds can be missed only while devices send."""
    compose("up", "--detach", "--no-deps", "replay", REPLAY_ARGS=LONG_REPLAY)
    until(
        lambda: sum(one["may_train"] for name, one in devices().items() if name in STREAMS) >= 3, 300, "three may train"
    )
    until(lambda: has_data("max(fedsecure_uncommitted_rounds) == 0"), 300, "a round has made a model")
    until(lambda: not any(alerts(name) for name in OF_ROUNDS), 60, "no alert says otherwise")
    yield
    compose("stop", "--timeout", "5", "replay")


def test_redis_is_told_and_rounds_that_fail_for_want_of_it_are_not():
    compose("stop", "redis")
    until(lambda: is_told("RedisDown"), 120, "RedisDown is told")
    until(lambda: is_inhibited("RoundsSkipped"), 120, "RoundsSkipped is inhibited")
    compose("start", "redis")
    until(lambda: not alerts("RedisDown") and not alerts("RoundsSkipped"), 180, "both are over")


def silent() -> list[dict[str, Any]]:
    """Return the alerts about this replay's devices: those of a replay that was cut off before may stay silent."""
    return [one for one in alerts("DeviceSilent") if one["labels"]["device"] in STREAMS]


def test_kafka_is_told_and_devices_that_are_silent_for_want_of_it_are_not():
    compose("stop", "kafka")
    until(lambda: is_told("KafkaDown"), 120, "KafkaDown is told")
    until(
        lambda: (found := silent()) and all(one["status"]["inhibitedBy"] for one in found), 240, "silence is inhibited"
    )
    compose("start", "kafka")
    until(lambda: not alerts("KafkaDown") and not silent(), 240, "both are over")


def test_rounds_without_devices_are_told_and_then_the_worse_of_it_alone():
    compose("stop", "devices")
    until(lambda: is_told("RoundsSkipped"), 180, "RoundsSkipped is told")
    until(lambda: is_told("ProgramDown"), 180, "ProgramDown is told")
    until(
        lambda: is_told("NoCommittedRound") and is_inhibited("RoundsSkipped"), 300, "NoCommittedRound takes its place"
    )
    compose("start", "devices")
    until(lambda: not any(alerts(name) for name in ("ProgramDown", *OF_ROUNDS)), 240, "all are over")
    until(all_healthy, 120, "every service is healthy")
