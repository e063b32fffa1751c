"""The demo's eyes on a real broker and a real Redis."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from kafka import KafkaAdminClient

from contracts.configuration.settings import Settings
from contracts.messages.verdicts import DeviceState, DeviceStatus, encode_verdict
from fedsecure.demo.observing.collector import Collector
from fedsecure.demo.observing.observer import Observer
from fedsecure.demo.programs.services import describe_kafka, describe_redis, remove_traces
from fl_coordinator.gate.device_view import read_devices
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration

STATUS = DeviceStatus(
    device_id="p1",
    epoch=1,
    applied_through=100,
    vitals_offset=7,
    session_id=1,
    state=DeviceState.BENIGN,
    reason="",
    state_since=50,
    enrolled=True,
    enrolment_share=1.0,
    score=0.1,
    threshold=3.0,
    scores={"fast": 0.1},
    flagged=False,
    flagged_share=0.0,
    received_at=time.time(),
    batch_interval_s=1.0,
    finished=False,
    bundle_sha="ab",
    worker_id="w1",
    minutes=100,
    windows=3,
    flagged_windows=0,
)


def test_the_servers_say_what_they_are(settings: Settings) -> None:
    broker, view = describe_kafka(settings), describe_redis(settings)
    assert broker["product"] == "Apache Kafka"
    assert broker["version"] != "unknown"
    assert broker["brokers"] >= 1
    assert view["product"] in {"Redis", "Valkey"}
    assert view["version"][0].isdigit()


def test_the_observer_sees_what_was_sent_before_and_a_vitals_topic_made_later(
    settings: Settings, wait_until: Any
) -> None:
    async def send(topic: str, value: bytes) -> None:
        async with Publisher(settings) as publisher:
            await publisher.send(topic, "p1", value)

    collector = Collector(settings.topics, time.time())
    asyncio.run(send(settings.topics.device_status, encode_verdict(STATUS)))
    with Observer(settings, collector) as observer:
        wait_until(lambda: collector.observation.states, 20.0, "the status that was there before is seen")
        ensure_topics(settings, [settings.topics.vitals_spec("p1")])
        asyncio.run(send(settings.topics.vitals("p1"), b"not vitals"))
        wait_until(lambda: collector.unreadable[settings.topics.vitals("p1")], 20.0, "the later topic is read")
        observer.check()
    assert abs(collector.observation.states[0].at - time.time()) < 60.0


def test_devices_are_read_from_redis_and_traces_are_removed(settings: Settings, wait_until: Any) -> None:
    other = settings.model_copy(update={"prefix": f"{settings.prefix}-other"})
    keys = settings.redis_keys
    with connect_redis(settings) as client:
        for own in (keys, other.redis_keys):
            client.hset(own.device("p1"), "status", encode_verdict(STATUS))
            client.zadd(own.devices_last_seen, {"p1": STATUS.received_at})
        assert [view.state for view in read_devices(client, keys, now=time.time(), cap_s=2100.0)] == ["benign"]
        remove_traces(settings)
        assert read_devices(client, keys, now=time.time(), cap_s=2100.0) == []
        assert len(read_devices(client, other.redis_keys, now=time.time(), cap_s=2100.0)) == 1
        client.delete(other.redis_keys.device("p1"), other.redis_keys.devices_last_seen)
    admin = KafkaAdminClient(**kafka_python_options(settings))
    own_prefix = f"{settings.prefix}."
    wait_until(lambda: not [t for t in admin.list_topics() if t.startswith(own_prefix)], 20.0, "the topics are gone")
    admin.close()
