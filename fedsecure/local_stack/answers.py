"""Does a service answer? A real broker query and a real PING, with short timeouts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from contracts.configuration.settings import Settings


def local_settings(*, kafka: str | None = None, redis_url: str | None = None) -> Settings:
    """Return settings that reach a local server: what the environment says of TLS and log-in is meant for the servers that it names."""
    addresses = {"kafka_bootstrap_servers": kafka, "redis_url": redis_url or "redis://127.0.0.1"}
    plain = dict.fromkeys(("kafka_ca_file", "kafka_username", "kafka_password", "redis_ca_file"))
    given = {name: address for name, address in addresses.items() if address is not None}
    return Settings(**given, **plain, kafka_security_protocol="PLAINTEXT")  # type: ignore[arg-type]


def kafka_answers(settings: Settings, timeout_s: float = 2.0, *, node_id: int | None = None) -> bool:
    """Return whether a broker answers and one (`node_id`, if given) takes part in the cluster. Blocks for `timeout_s` or so."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    from transport.kafka.options import kafka_python_options

    timeout_ms = int(timeout_s * 1000)
    limits = {"bootstrap_timeout_ms": timeout_ms, "request_timeout_ms": timeout_ms}
    try:
        with _quiet("kafka"), closing(KafkaAdminClient(**kafka_python_options(settings), **limits)) as admin:
            # One that is still fenced holds no partition: a topic could not be created on it.
            nodes = {each["broker_id"] for each in admin.describe_cluster()["brokers"] if not each.get("is_fenced")}
            return bool(nodes) if node_id is None else node_id in nodes
    except (KafkaError, OSError):
        return False


def redis_answers(settings: Settings) -> bool:
    """Return whether Redis answers PING."""
    import redis

    from transport.redis_client import connect_redis

    try:
        with connect_redis(settings) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    # The client logs a dozen lines about a broker that does not answer; here that is an answer.
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
