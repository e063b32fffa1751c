"""What another version of this program left behind: its statuses are refused with a sentence, and their devices enrol again."""

from __future__ import annotations

import asyncio
import json

import pytest

from contracts.messages.verdicts import SCHEMA_VERSION
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration

EPOCH = 7


def left_behind(settings, device_id: str) -> None:
    """Put an old status where a worker of that version would have: on the topic, and in Redis."""
    status = {"device_id": device_id, "epoch": EPOCH, "state": "benign", "schema_version": SCHEMA_VERSION - 1}
    value = json.dumps(status).encode()

    async def publish() -> None:
        async with Publisher(settings) as publisher:
            await publisher.send(settings.topics.device_status, device_id, value)

    asyncio.run(publish())
    with connect_redis(settings) as client:
        held = {"epoch": EPOCH, "applied_through": 2**40, "status": value}
        client.hset(settings.redis_keys.device(device_id), mapping=held)


def test_an_old_status_is_refused_with_a_sentence_and_its_device_enrols_again(
    plain_worker, worker_settings, sender, stay, view, topics, offline, wait_until
):
    old, new = stay("old", 300), stay("new", 300)
    left_behind(worker_settings, "old")
    sender.create("old", "new")
    sender.send([old, new])
    worker = plain_worker(devices=("old", "new"))
    wait_until(lambda: view.applied_through([new]), 20, "the new device is judged")
    wait_until(lambda: view.applied_through([old]), 20, "so is the old one")
    sentence = f"a status of schema {SCHEMA_VERSION - 1}, this version reads {SCHEMA_VERSION}: the device enrols again"
    refused = [event for event in map(json.loads, worker.log.splitlines()) if event.get("reason") == sentence]
    assert {event["device"] for event in refused} == {"old"}
    read, expected = topics.scores(), offline([old, new])
    assert {key: line[1:] for key, line in read.lines.items()} == {key: line[1:] for key, line in expected.items()}
    status = view.status("old")
    assert (status.enrolled, status.minutes, status.epoch) == (True, 300, EPOCH + 1)
