"""The topics that a replay makes and writes, on a real Kafka."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from contracts.configuration.settings import Settings
from replay.options import ReplayOptions
from replay.program import run
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options
from transport.kafka.producer import connect_producer, halt, register_topics

if TYPE_CHECKING:
    from tests.integration.replay.conftest import Arrivals, MakeRecording

pytestmark = pytest.mark.integration

START = 92_000_000  # of the shared recordings
FLAT_OUT = ReplayOptions(speed=None, pack_min=7)


def test_topics_are_made_as_specified(settings: Settings, a_recording: MakeRecording) -> None:
    run(settings, [a_recording("a", 5)], options=FLAT_OUT)
    spec = settings.topics.vitals_spec("a")
    admin = KafkaAdminClient(**kafka_python_options(settings))
    try:
        described = admin.describe_configs([ConfigResource("TOPIC", spec.name)])
    finally:
        admin.close()
    actual = {name: entry["value"] for name, entry in described["topic"][spec.name].items()}
    assert {name: actual.get(name) for name in spec.config} == spec.config


def test_the_shared_layout_holds_all_devices_by_key_and_resumes(
    settings: Settings, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    shared = settings.model_copy(update={"topic_layout": "shared", "shared_partitions": 3})
    sent = [a_recording(device_id, 40, seed=number) for number, device_id in enumerate(["a", "b", "c", "d"])]
    run(shared, sent, options=ReplayOptions(speed=None, pack_min=7, minutes=20))
    run(shared, sent, options=FLAT_OUT)
    arrived = arrivals.under(shared)
    for each in sent:
        arrived.assert_are(each)
        assert sum(map(len, arrived.batches(each.device_id))) == 40


def test_topics_are_registered_in_one_request_and_not_one_by_one(settings: Settings) -> None:
    names = [settings.topics.vitals(f"device-{number}") for number in range(220)]
    ensure_topics(settings, [settings.topics.vitals_spec(name.rsplit(".", 1)[1]) for name in names])
    one_by_one = connect_producer(settings, [])
    started = time.monotonic()
    for name in names[:20]:
        one_by_one.partitions_for(name)
    per_topic_s = (time.monotonic() - started) / 20
    halt(one_by_one)
    together = connect_producer(settings, [])
    started = time.monotonic()
    register_topics(together, names[20:])
    together_s = time.monotonic() - started
    assert all(together.partitions_for(name) == {0} for name in names[20:])
    halt(together)
    assert together_s < 0.2 * 200 * per_topic_s
