"""The local stack as its users have it: real servers, real processes, real signals."""

from __future__ import annotations

import pytest

from contracts.settings import Settings
from transport.redis_client import connect_redis
from transport.topic_admin import ensure_topics

pytestmark = pytest.mark.integration


def test_settings_lead_to_a_broker_and_a_redis_that_answer(settings: Settings) -> None:
    assert ensure_topics(settings, settings.topics.fixed()) == []
    with connect_redis(settings) as client:
        assert client.ping()
