"""Which of several brokers leads what: whose end hurts most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing

from contracts.configuration.settings import Settings
from transport.kafka.admin import connect_admin

GROUPS_TOPIC = "__consumer_offsets"
"""Who leads its one partition coordinates the groups of workers."""


def described(settings: Settings, topics: Iterable[str]) -> list[dict]:
    """Return the partitions of these topics as the brokers describe them."""
    with closing(connect_admin(settings)) as admin:
        return [partition for topic in admin.describe_topics(list(topics)) for partition in topic["partitions"]]


def leader_of_most(settings: Settings, topics: Iterable[str]) -> str:
    """Return the server (of a local stack of three brokers) that leads most partitions of these topics."""
    ((node_id, _),) = Counter(each["leader_id"] for each in described(settings, topics)).most_common(1)
    return f"kafka-{node_id}"
