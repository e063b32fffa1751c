"""Creates topics that do not exist yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from contracts.topics import TopicSpec
from transport.kafka.options import kafka_python_options
from transport.kafka.refusals import why_not

BOOTSTRAP_TIMEOUT_MS = 5000  # the client's own default lets a person wait for half a minute
FAILOVER_S = 15.0  # Kafka's own brokers take nine seconds to give one up
RETRY_S = 0.5
CLUSTERS_OWN = -1  # so many copies as the brokers' default.replication.factor says: an installation's cluster decides


def connect_admin(settings: ServiceSettings) -> KafkaAdminClient:
    """Return an admin client, to be closed by the caller. Blocks for 5 s or so, raises Unavailable."""
    try:
        return KafkaAdminClient(**kafka_python_options(settings), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)
    except KafkaError as error:
        raise Unavailable(asyncio.run(why_not(settings, error))) from None


def ensure_topics(settings: ServiceSettings, specs: Iterable[TopicSpec]) -> list[str]:
    """Create those topics that do not exist yet, with the brokers' default of copies, and return their names.

    Of several brokers one may be lost meanwhile: it is asked again until the others have noticed. Blocks, raises Unavailable.
    """
    wanted = list(specs)
    give_up_at = time.monotonic() + FAILOVER_S
    while True:
        try:
            return _ensure(settings, wanted)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > give_up_at:
                # The error's own text repeats the whole request (many kB): name its kind only.
                raise Unavailable(f"Kafka did not list or create topics ({type(error).__name__})") from None
        time.sleep(RETRY_S)


def _ensure(settings: ServiceSettings, specs: list[TopicSpec]) -> list[str]:
    admin = connect_admin(settings)
    try:
        existing = set(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            _create(admin, missing)
        return [spec.name for spec in missing]
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, specs: list[TopicSpec]) -> None:
    topics = {spec.name: _asked_for(spec) for spec in specs}
    try:
        admin.create_topics(topics)
    except TopicAlreadyExistsError:
        # The whole batch is refused when one exists: somebody else is creating too, so go one by one.
        for name, asked in topics.items():
            try:
                admin.create_topics({name: asked})
            except TopicAlreadyExistsError:
                continue


def _asked_for(spec: TopicSpec) -> dict[str, Any]:
    return {"num_partitions": spec.partitions, "replication_factor": CLUSTERS_OWN, "configs": spec.config}
