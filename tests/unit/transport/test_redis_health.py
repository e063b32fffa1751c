"""What fails is said once when it begins and once a minute; what is said to be over is over."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from contracts.metrics import REDIS_REFUSES, REDIS_UP
from transport.redis.failures import FULL, NOT_ALLOWED, READ_ONLY, UNREACHABLE
from transport.redis.health import RedisHealth


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock, monkeypatch):
    monkeypatch.setattr(structlog, "is_configured", lambda: True)
    return RedisHealth(clock)


def events(logs) -> list[str]:
    return [line["event"] for line in logs]


def test_one_line_at_the_change_and_one_a_minute(health, clock):
    with capture_logs() as logs:
        for _ in range(150):
            health.failed("take it", FULL)
            clock.now_s += 1
        health.worked("take it", writes=True)
        health.worked("take it", writes=True)
    assert events(logs) == ["redis_refuses"] * 3 + ["redis_back"]
    assert logs[0] | {"reason": "full", "asked_to": "take it", "log_level": "warning"} == logs[0]


def test_reading_is_no_sign_that_writes_are_taken(health):
    with capture_logs() as logs:
        health.failed("take it", READ_ONLY)
        for _ in range(5):
            health.worked("show it", writes=False)
        assert events(logs) == ["redis_refuses"]
        assert health.failing == {"read_only"}
        health.worked("take something else", writes=True)
    assert events(logs) == ["redis_refuses", "redis_back"]


def test_any_answer_is_a_sign_that_it_answers(health):
    with capture_logs() as logs:
        health.failed("take it", UNREACHABLE)
        health.worked("show it", writes=False)
    assert events(logs) == ["redis_unreachable", "redis_back"]


def test_what_one_call_may_not_do_is_not_mended_by_others(health):
    with capture_logs() as logs:
        health.failed("take it", NOT_ALLOWED)
        health.worked("take something else", writes=True)
        assert events(logs) == ["redis_refuses"]
        health.worked("take it", writes=True)
    assert events(logs) == ["redis_refuses", "redis_back"]


def test_a_redis_at_its_limit_that_takes_every_other_write_does_not_fill_the_log(health, clock):
    with capture_logs() as logs:
        for _ in range(60):
            health.failed("take it", FULL)
            health.worked("take it", writes=True)
            clock.now_s += 1
    assert len(events(logs)) <= 2 * 6
    assert events(logs)[0::2] == ["redis_refuses"] * (len(logs) // 2)
    assert events(logs)[1::2] == ["redis_back"] * (len(logs) // 2)


def test_what_fails_again_at_once_and_lasts_is_said_again_within_seconds(health, clock):
    with capture_logs() as logs:
        health.failed("take it", FULL)
        health.worked("take it", writes=True)
        for _ in range(15):
            health.failed("take it", FULL)
            clock.now_s += 1
    assert events(logs) == ["redis_refuses", "redis_back", "redis_refuses"]


def test_a_failover_is_told_in_its_own_words(health):
    with capture_logs() as logs:
        health.failed("take it", UNREACHABLE)
        health.failed("take it", READ_ONLY)
        health.worked("take it", writes=True)
    assert events(logs) == ["redis_unreachable", "redis_refuses", "redis_back"]


def test_the_metrics_tell_silence_from_refusal(health):
    def refuses(reason: str) -> float:
        return REDIS_REFUSES.labels(reason)._value.get()

    health.failed("take it", FULL)
    assert (REDIS_UP._value.get(), refuses("full"), refuses("read_only")) == (0, 1, 0)
    health.failed("take it", READ_ONLY)
    assert (REDIS_UP._value.get(), refuses("full"), refuses("read_only")) == (0, 0, 1)
    health.failed("take it", UNREACHABLE)
    assert (REDIS_UP._value.get(), refuses("full"), refuses("read_only")) == (0, 0, 0)
    health.worked("take it", writes=True)
    assert REDIS_UP._value.get() == 1


def test_a_short_command_logs_nothing(monkeypatch):
    monkeypatch.setattr(structlog, "is_configured", lambda: False)
    with capture_logs() as logs:
        RedisHealth().failed("take it", FULL)
    assert logs == []
