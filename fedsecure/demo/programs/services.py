"""What Kafka and Redis say of themselves, and how a run's topics and keys are removed again."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

from kafka.errors import KafkaError

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from transport.kafka.admin import connect_admin
from transport.redis.health import asking
from transport.redis_client import connect_redis

# Kafka tells no release number over the wire; the highest metadata.version that it supports dates it
# (org.apache.kafka.server.common.MetadataVersion).
RELEASE_OF_METADATA_VERSION: Final = ((28, "4.2 or later"), (26, "4.1"), (22, "4.0"), (21, "3.9"), (20, "3.8"))


def kafka_release(metadata_version: int | None) -> str:
    """Return the Kafka release that a broker's highest supported metadata.version belongs to."""
    if metadata_version is None:
        return "unknown"
    return next((name for level, name in RELEASE_OF_METADATA_VERSION if metadata_version >= level), "before 3.8")


def describe_kafka(settings: Settings) -> dict[str, Any]:
    """Ask the broker what it is. Blocks. Raises Unavailable."""
    try:
        with closing(connect_admin(settings)) as admin:
            features, cluster = admin.describe_features(), admin.describe_cluster()
    except KafkaError as error:
        raise Unavailable(f"Kafka does not say what it is ({type(error).__name__})") from None
    supported = features.get("metadata.version", {}).get("supported")
    level = int(supported[1]) if supported else None
    return {
        "product": "Apache Kafka",
        "version": kafka_release(level),
        "metadata_version": level,
        "kraft": "kraft.version" in features,
        "cluster_id": cluster.get("cluster_id"),
        "brokers": len(cluster.get("brokers", ())),
    }


def describe_redis(settings: Settings) -> dict[str, Any]:
    """Ask Redis what it is. Blocks. Raises Unavailable."""
    with connect_redis(settings) as client, asking("say what it is", writes=False):
        info: Any = client.info("server")
    return {
        "product": "Valkey" if "valkey_version" in info else "Redis",
        "version": str(info.get("valkey_version") or info.get("redis_version", "unknown")),
        "mode": str(info.get("redis_mode", "unknown")),
    }


def remove_traces(settings: Settings) -> None:
    """Delete this prefix's topics and keys. Blocks. Raises Unavailable. Other prefixes stay as they are."""
    try:
        with closing(connect_admin(settings)) as admin:
            if topics := [name for name in admin.list_topics() if name.startswith(f"{settings.prefix}.")]:
                admin.delete_topics(topics)
        with connect_redis(settings) as client, asking("forget the demo's keys", writes=True):
            if keys := list(client.scan_iter(f"{settings.prefix}:*", count=1000)):
                client.delete(*keys)
    except KafkaError as error:
        raise Unavailable(f"the demo's topics could not be removed ({type(error).__name__})") from None
