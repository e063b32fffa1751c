"""A broker that goes away between two requests is unavailable, whatever it was asked."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError, TopicAlreadyExistsError, TopicAuthorizationFailedError

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.topics import TopicSpec
from transport.kafka import admin as topic_admin

SPECS = [TopicSpec("one", 1), TopicSpec("two", 1)]


class Admin:
    """Lists what it is told to, and answers one creation after the other."""

    def __init__(self, listing: list[str] | Exception, *creations: Exception | None) -> None:
        self._listing = listing
        self._creations = list(creations)
        self.is_closed = False
        self.asked_for: list[dict[str, Any]] = []

    def list_topics(self) -> list[str]:
        if isinstance(self._listing, Exception):
            raise self._listing
        return self._listing

    def create_topics(self, topics: dict[str, Any]) -> None:
        self.asked_for.append(topics)
        if outcome := self._creations.pop(0):
            raise outcome

    def close(self) -> None:
        self.is_closed = True


def ensure(monkeypatch: pytest.MonkeyPatch, admin: Admin, *, failover_s: float = -1.0) -> list[str]:
    monkeypatch.setattr(topic_admin, "KafkaAdminClient", lambda **_options: admin)
    monkeypatch.setattr(topic_admin, "FAILOVER_S", failover_s)
    monkeypatch.setattr(topic_admin, "RETRY_S", 0.0)
    try:
        return topic_admin.ensure_topics(Settings(), SPECS)
    finally:
        assert admin.is_closed


def test_only_missing_topics_are_created(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ensure(monkeypatch, Admin(["one"], None)) == ["two"]


def test_a_topic_that_somebody_else_creates_meanwhile_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(monkeypatch, Admin([], TopicAlreadyExistsError(), TopicAlreadyExistsError(), None))


def test_the_brokers_decide_how_many_copies_a_topic_has(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = Admin(["one"], None)
    ensure(monkeypatch, admin)
    assert admin.asked_for == [{"two": {"num_partitions": 1, "replication_factor": -1, "configs": {}}}]


def test_a_broker_that_is_lost_meanwhile_is_no_end_while_others_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ensure(monkeypatch, Admin(["one"], KafkaConnectionError(), None), failover_s=60.0) == ["two"]


def test_what_asking_again_cannot_mend_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="TopicAuthorizationFailedError"):
        ensure(monkeypatch, Admin([], TopicAuthorizationFailedError()), failover_s=60.0)


@pytest.mark.parametrize(
    "admin",
    [
        Admin(KafkaConnectionError()),
        Admin([], KafkaConnectionError()),
        Admin([], TopicAlreadyExistsError(), None, KafkaConnectionError()),
    ],
    ids=["while listing", "while creating all", "while creating one by one"],
)
def test_a_lost_broker_is_unavailable(monkeypatch: pytest.MonkeyPatch, admin: Admin) -> None:
    with pytest.raises(Unavailable, match="KafkaConnectionError"):
        ensure(monkeypatch, admin)


@pytest.mark.timeout(10)
def test_a_broker_that_is_not_there_is_not_waited_for_as_long_as_the_client_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topic_admin, "BOOTSTRAP_TIMEOUT_MS", 500)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: a connection is refused
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"{address} does not answer"):
            topic_admin.ensure_topics(Settings(kafka_bootstrap_servers=address), SPECS)
