"""Every row of the table both ways on the real Kafka over TLS: what is allowed works, and each denial has a record that would have been read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from secure_site import DEVICES, every_topic

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security.principals import Principal, device_principal, program_principals
from fedsecure.security.site import Site
from transport.kafka.admin import ensure_topics
from transport.kafka.options import aiokafka_options
from transport.kafka.publisher import Publisher

pytestmark = pytest.mark.integration
Login = Callable[[str], Settings]
GROUP = "fedsecure-workers"
TABLE = [
    *program_principals(Topics(), RedisKeys(), GROUP),
    *(device_principal(Topics(), RedisKeys(), f"device-{device}", [device]) for device in DEVICES),
]
SAMPLE = every_topic(Topics())
NOBODY_BUT_THESE = [  # said once more by hand: a table that allowed too much would allow the test too much as well
    ("device-bed-1", "READ", Topics().vitals("bed-10")),
    ("device-bed-1", "WRITE", Topics().fl_updates("bed-10")),
    ("device-bed-1", "WRITE", Topics().vitals("bed-1")),
    ("device-bed-1", "WRITE", Topics().scores),
    ("device-bed-1", "WRITE", Topics().device_status),
    ("device-bed-1", "WRITE", Topics().fl_rounds),
    ("device-bed-1", "WRITE", Topics().fl_keys),
    ("device-bed-1", "WRITE", Topics().models),
    ("replay", "WRITE", Topics().device_status),
    ("replay", "WRITE", Topics().scores),
    ("worker", "WRITE", Topics().fl_rounds),
    ("worker", "WRITE", Topics().vitals("bed-1")),
    ("worker", "READ", Topics().truth),
    ("coordinator", "READ", Topics().vitals("bed-1")),
    ("coordinator", "WRITE", Topics().fl_updates("bed-1")),
    ("coordinator", "WRITE", Topics().device_status),
    ("ingest", "WRITE", Topics().truth),
    *(("console", "WRITE", name) for name in SAMPLE),
    *(("console-inject", "WRITE", name) for name in SAMPLE if name != Topics().replay_commands),
]


def allows(principal: Principal, operation: str, topic: str) -> bool:
    if principal.name == "admin":
        return True
    return any(
        operation in rule.operations and (topic.startswith(rule.name) if rule.is_prefix else topic == rule.name)
        for rule in principal.kafka
        if rule.kind == "topic"
    )


async def reads(settings: Settings, topics: list[str]) -> dict[str, bool]:
    """Try to read the first record of each topic, which is there."""
    found: dict[str, bool] = {}
    async with AIOKafkaConsumer(**aiokafka_options(settings), group_id=None, auto_offset_reset="earliest") as consumer:
        visible = await consumer.topics()
        for topic in topics:
            if topic not in visible:  # it is there: not to see it is the denial
                found[topic] = False
                continue
            partitions = consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
            consumer.assign([TopicPartition(topic, number) for number in partitions])
            try:
                found[topic] = bool(await _first(consumer))
            except TopicAuthorizationFailedError:
                found[topic] = False
    return found


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer.topics()
    return set(range(4)) if topic in {Topics().scores, Topics().device_status} else {0}


async def _first(consumer: AIOKafkaConsumer) -> list[object]:
    for _ in range(20):
        fetched = await consumer.getmany(timeout_ms=500)
        if records := [record for each in fetched.values() for record in each]:
            return list(records)
    return []


async def writes(settings: Settings, topics: list[str]) -> dict[str, bool]:
    """Try to write each topic."""
    done: dict[str, bool] = {}
    async with Publisher(settings) as publisher:
        for topic in topics:
            sending = asyncio.wait_for(publisher.send(topic, "key", b"what was written"), 8.0)
            (refusal,) = await asyncio.gather(sending, return_exceptions=True)
            assert refusal is None or "AuthorizationFailed" in str(refusal), repr(refusal)
            done[topic] = refusal is None
    return done


@pytest.mark.parametrize("principal", TABLE, ids=lambda principal: principal.name)
async def test_a_principal_reads_what_its_row_says_and_nothing_else(principal: Principal, login: Login) -> None:
    assert await reads(login(principal.name), SAMPLE) == {topic: allows(principal, "READ", topic) for topic in SAMPLE}


@pytest.mark.parametrize("principal", TABLE, ids=lambda principal: principal.name)
async def test_a_principal_writes_what_its_row_says_and_nothing_else(principal: Principal, login: Login) -> None:
    assert await writes(login(principal.name), SAMPLE) == {topic: allows(principal, "WRITE", topic) for topic in SAMPLE}


@pytest.mark.parametrize(("name", "operation", "topic"), NOBODY_BUT_THESE)
def test_the_table_itself_denies_what_must_never_be(name: str, operation: str, topic: str) -> None:
    assert not allows(next(each for each in TABLE if each.name == name), operation, topic)


@pytest.mark.parametrize(
    ("name", "may"),
    [("replay", True), ("ingest", True), ("worker", False), ("device-bed-1", False), ("console", False)],
)
def test_only_a_source_makes_a_vitals_topic(name: str, may: bool, login: Login) -> None:
    settings = login(name)
    spec = settings.topics.vitals_spec(f"new-{name}")
    if may:
        assert ensure_topics(settings, [spec]) == [spec.name]
    else:
        with pytest.raises(Unavailable, match="AuthorizationFailed"):
            ensure_topics(settings, [spec])


@pytest.mark.parametrize(
    ("name", "group", "may"),
    [("worker", GROUP, True), ("worker", "another", False), ("console", GROUP, False), ("device-bed-1", GROUP, False)],
)
async def test_only_workers_commit_for_their_group(name: str, group: str, may: bool, login: Login) -> None:
    settings = login(name)
    async with AIOKafkaConsumer(**aiokafka_options(settings), group_id=group, enable_auto_commit=False) as consumer:
        partition = TopicPartition(settings.topics.bundles, 0)
        consumer.assign([partition])
        committing = asyncio.wait_for(consumer.commit({partition: 0}), 8.0)
        (refusal,) = await asyncio.gather(committing, return_exceptions=True)
    assert may == (refusal is None), repr(refusal)
    assert may or isinstance(refusal, GroupAuthorizationFailedError | TopicAuthorizationFailedError), repr(refusal)


def test_what_is_denied_is_in_the_audit_trail(site: Site, secure_stack: object, login: Login) -> None:
    settings = login("worker")
    with pytest.raises(Unavailable):
        ensure_topics(settings, [settings.topics.vitals_spec("audited")])
    trail = (site.folder.parent / "kafka" / "logs" / "audit.log").read_text()
    denied = [line for line in trail.splitlines() if "Denied" in line and "fedsecure.vitals.v1.audited" in line]
    assert denied
    assert "User:worker" in denied[0]
    assert "127.0.0.1" in denied[0]
