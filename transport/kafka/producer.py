"""The kafka-python producer as a source of vitals needs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from transport.kafka.options import kafka_python_options
from transport.kafka.refusals import why_not

LINGER_MS = 50
BOOTSTRAP_TIMEOUT_MS = 5_000
METADATA_TIMEOUT_S = 15.0
WEEK_MS = 7 * 86_400_000


def connect_producer(settings: ServiceSettings, topics: Sequence[str], *, linger_ms: int = LINGER_MS) -> KafkaProducer:
    """Return an idempotent producer that knows all `topics`. Blocks, raises Unavailable.

    The delivery timeout is a week because an idempotent producer never recovers from reaching it: `CheckedPublisher` watches
    instead, and replaces the producer.
    """
    try:
        producer = KafkaProducer(
            **kafka_python_options(settings),
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=WEEK_MS,
            linger_ms=linger_ms,
            reconnect_backoff_max_ms=1000,
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            max_block_ms=int(METADATA_TIMEOUT_S * 1000),
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise Unavailable(asyncio.run(why_not(settings, error))) from None
    try:
        register_topics(producer, topics)
    except Unavailable:
        halt(producer)
        raise
    return producer


def register_topics(producer: KafkaProducer, topics: Collection[str]) -> None:
    """Make all topics known in one metadata request: by itself kafka-python asks for each, 107 ms a topic.

    Blocks; raises Unavailable when one of them is not there within METADATA_TIMEOUT_S.
    """
    cluster = producer._metadata  # noqa: SLF001 - no public way to add topics without a request each
    for topic in topics:
        cluster.add_topic(topic)
    missing = set(topics)
    deadline = time.monotonic() + METADATA_TIMEOUT_S
    while missing := {topic for topic in missing if not cluster.partitions_for_topic(topic)}:
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka does not know {len(missing)} topics that were created, {min(missing)} among them")
        cluster.request_update()
        time.sleep(0.02)


def halt(producer: KafkaProducer) -> None:
    """Stop a producer from sending anything more, at once and without blocking. What it still holds fails.

    `close(timeout=0)` gives up before it stops anything when records are pending, so the sender is told directly.
    """
    producer._sender.force_close()  # noqa: SLF001 - see above
