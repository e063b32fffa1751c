"""An observer of a Kafka that is away: it asks for a while, then says so."""

from __future__ import annotations

import time

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.topics import Topics
from fedsecure.demo.observing import observer as module
from fedsecure.demo.observing.collector import Collector
from fedsecure.demo.observing.observer import Observer

NOBODY = Settings(kafka_bootstrap_servers="127.0.0.1:1", redis_url="redis://127.0.0.1:1/0")


def _check_until_it_fails(observer: Observer, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        observer.check()
        time.sleep(0.01)


def test_a_kafka_that_stays_away_ends_the_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVE_UP_AFTER_S", 0.0)
    with Observer(NOBODY, Collector(Topics("demo-1"), time.time())) as observer, pytest.raises(Unavailable):
        _check_until_it_fails(observer)


def test_a_kafka_that_answers_again_in_time_is_read_on() -> None:
    with Observer(NOBODY, Collector(Topics("demo-1"), time.time())) as observer:
        observer.failed("away")
        observer.answered()
        observer.check()
