"""A fresh corner of the real Kafka and Redis for each test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from kafka import KafkaAdminClient

from contracts.configuration.settings import Settings
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.answers import kafka_answers, redis_answers
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options
from transport.redis_client import connect_redis


@pytest.fixture
def own_stack(stack: LocalStack) -> LocalStack:
    """The stack, for tests that kill its servers: skipped where the services are not ours to kill."""
    endpoints = stack.endpoints()
    if not (endpoints.kafka_is_local and endpoints.redis_is_local):
        pytest.skip("the services belong to the environment: they are not ours to kill")
    return stack


@pytest.fixture(scope="module")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own with three brokers, for a module that ends one of them."""
    with LocalStack(tmp_path_factory.mktemp("three-brokers"), brokers=3, environ={}) as running:
        yield running


@pytest.fixture
def clustered(three_brokers: LocalStack) -> Iterator[Settings]:
    """Settings as `settings`, in a corner of the three brokers."""
    with _corner(three_brokers) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def open_corner(stack: LocalStack) -> Callable[[], AbstractContextManager[Settings]]:
    """Return a context that gives settings with a corner of the stack of their own, and empties it again."""
    return lambda: _corner(stack)


@pytest.fixture
def settings(open_corner: Callable[[], AbstractContextManager[Settings]]) -> Iterator[Settings]:
    """Settings with topics, Redis keys and a consumer group of its own; the fixed topics exist."""
    with open_corner() as fresh:
        yield fresh


@contextmanager
def _corner(stack: LocalStack) -> Iterator[Settings]:
    endpoints = stack.up()  # mends what the test before may have killed
    prefix = f"t-{secrets.token_hex(4)}"
    fresh = Settings(
        kafka_bootstrap_servers=endpoints.kafka,
        redis_url=endpoints.redis_url,
        prefix=prefix,
        worker_group=f"{prefix}-workers",
    )
    ensure_topics(fresh, fresh.topics.fixed())
    yield fresh
    _forget(fresh)


def _forget(settings: Settings) -> None:
    if kafka_answers(settings):
        admin = KafkaAdminClient(**kafka_python_options(settings))
        admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(f"{settings.prefix}.")])
        admin.close()
    if redis_answers(settings):
        with connect_redis(settings) as client:
            for key in client.scan_iter(match=f"{settings.prefix}:*"):
                client.delete(key)
