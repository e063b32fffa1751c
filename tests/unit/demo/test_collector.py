"""Records in, observation out: the latest counts, what cannot be read is counted and harms nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceState, ScoreBatch, encode_verdict
from contracts.messages.vitals import VitalsBatch, encode_vitals
from contracts.topics import Topics
from fedsecure.demo.observing.collector import Collector

TOPICS = Topics("demo-1")
NOON = datetime(1970, 1, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def collector() -> Collector:
    return Collector(TOPICS, started_at=100.0)


def vitals(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "device_id": "p1",
        "session_id": 1,
        "observed_at": NOON,
        "heart_rate_bpm": [80.0, None],
        "resp_rate_bpm": [18.0, 17.0],
        "batch_interval_s": 1.0,
        "sent_at": 101.0,
    }
    return encode_vitals(VitalsBatch(**(fields | changes)))


def scores(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "device_id": "p1",
        "session_id": 1,
        "epoch": 1,
        "bundle_sha": "ab",
        "event_minute": [720, 721],
        "reconstruction_error": [None, 0.1],
        "score": [None, 1.5],
        "threshold": [None, 3.0],
        "flagged": [False, False],
        "state": [DeviceState.BENIGN, DeviceState.BENIGN],
        "scores": {},
    }
    return encode_verdict(ScoreBatch(**(fields | changes)))


def test_vitals_and_verdicts_meet_in_the_minute(collector: Collector) -> None:
    collector.take(TOPICS.vitals("p1"), vitals(), 101.0)
    collector.take(TOPICS.scores, scores(), 101.5)
    trace = collector.observation.devices["p1"]
    assert trace.vitals == {720: (80.0, 18.0), 721: (None, 17.0)}
    assert trace.verdicts[721] == (1.5, 3.0, False, DeviceState.BENIGN)
    assert collector.observation.streaming_at == 101.5
    assert collector.observation.applied == [(101.5, 2)]


def test_the_end_of_a_recording_without_minutes_is_not_a_message_to_time(collector: Collector) -> None:
    end = vitals(heart_rate_bpm=[], resp_rate_bpm=[], end_of_recording=True)
    collector.take(TOPICS.vitals("p1"), end, 101.0)
    assert collector.observation.sent == []


def test_only_changes_of_state_are_kept_and_older_statuses_are_ignored(
    collector: Collector, device_status: Any
) -> None:
    def take(at: float, **changes: Any) -> None:
        collector.take(TOPICS.device_status, encode_verdict(device_status(**changes)), at)

    take(101.0, applied_through=100, state=DeviceState.BENIGN)
    take(102.0, applied_through=108, state=DeviceState.BENIGN)
    take(103.0, applied_through=116, state=DeviceState.QUARANTINED, state_since=115)
    take(104.0, applied_through=112, state=DeviceState.BENIGN)
    states = [(seen.state, seen.at, seen.event_minute) for seen in collector.observation.states]
    assert states == [(DeviceState.BENIGN, 101.0, 50), (DeviceState.QUARANTINED, 103.0, 115)]
    assert collector.observation.devices["p1"].status.state == DeviceState.QUARANTINED  # type: ignore[union-attr]


def test_truth_told_twice_counts_once(collector: Collector) -> None:
    told = TruthInterval(
        device_id="p1",
        session_id=1,
        attack="a",
        level="strong",
        seed=1,
        first_event_minute=5,
        end_event_minute=9,
        poisoned="1111",
    )
    for _ in range(2):
        collector.take(TOPICS.truth, msgspec.json.encode(told), 101.0)
    assert collector.observation.truth == [told]
    assert collector.observation.attacked == {"p1"}


def test_dead_letters_are_counted_by_reason(collector: Collector) -> None:
    for reason in (b"not_json", b"not_json", b"tombstone"):
        collector.take(TOPICS.dead_letters, b"\xff", 101.0, [("fedsecure-reason", reason)])
    assert collector.observation.dead_letters == {"not_json": 2, "tombstone": 1}


@pytest.mark.parametrize(
    "topic",
    [TOPICS.scores, TOPICS.device_status, TOPICS.truth, TOPICS.fl_rounds, TOPICS.fl_events, TOPICS.vitals("p1")],
)
def test_garbage_on_any_topic_is_counted_and_nothing_else(collector: Collector, topic: str) -> None:
    collector.take(topic, b"\xff{", 101.0)
    collector.take(topic, None, 101.0)
    assert collector.unreadable == {topic: 1}
    assert collector.observation.devices == {}
