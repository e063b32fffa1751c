"""Does a service answer? A real broker query and a real PING, with short timeouts."""

from __future__ import annotations

from contracts.settings import Settings


def kafka_answers(settings: Settings, timeout_s: float = 2.0) -> bool:
    """Return whether the broker answers a metadata query and counts itself in; blocks for `timeout_s` or so."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    from transport.kafka_options import kafka_python_options

    timeout_ms = int(timeout_s * 1000)
    try:
        admin = KafkaAdminClient(
            **kafka_python_options(settings), bootstrap_timeout_ms=timeout_ms, request_timeout_ms=timeout_ms
        )
    except (KafkaError, OSError):
        return False
    try:
        # A broker that is still fenced is not listed: it would refuse to create a topic.
        return bool(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()


def redis_answers(settings: Settings) -> bool:
    """Return whether Redis answers PING."""
    import redis

    from transport.redis_client import connect_redis

    try:
        with connect_redis(settings) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
