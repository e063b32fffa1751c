"""Creates topics that do not exist yet."""

from __future__ import annotations

from collections.abc import Iterable

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from contracts.topics import TopicSpec
from transport.kafka.options import kafka_python_options

BOOTSTRAP_TIMEOUT_MS = 5000  # the client's own default lets a person wait for half a minute


def connect_admin(settings: ServiceSettings) -> KafkaAdminClient:
    """Return an admin client, to be closed by the caller. Blocks for 5 s or so, raises Unavailable."""
    try:
        return KafkaAdminClient(**kafka_python_options(settings), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)
    except KafkaError as error:
        raise Unavailable(
            f"Kafka at {settings.kafka_bootstrap_servers} does not answer ({type(error).__name__})"
        ) from None


def ensure_topics(settings: ServiceSettings, specs: Iterable[TopicSpec]) -> list[str]:
    """Create those topics that do not exist yet and return their names. Blocks, raises Unavailable."""
    admin = connect_admin(settings)
    try:
        existing = set(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            _create(admin, missing)
        return [spec.name for spec in missing]
    except KafkaError as error:
        # The error's own text repeats the whole request (many kB): name its kind only.
        raise Unavailable(f"Kafka did not list or create topics ({type(error).__name__})") from None
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, specs: list[TopicSpec]) -> None:
    topics = [NewTopic(spec.name, spec.partitions, 1, topic_configs=spec.config) for spec in specs]
    try:
        admin.create_topics(topics)
    except TopicAlreadyExistsError:
        # The whole batch is refused when one exists: somebody else is creating too, so go one by one.
        for topic in topics:
            try:
                admin.create_topics([topic])
            except TopicAlreadyExistsError:
                continue
