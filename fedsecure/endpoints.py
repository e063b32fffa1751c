"""Where a command finds Kafka and Redis: the environment first, else the local stack that runs."""

from __future__ import annotations

from typing import Any

from contracts.settings import Settings


def settings_for_running_stack(**overrides: Any) -> Settings:
    """Return the settings with the addresses of the services that run.

    KAFKA_BOOTSTRAP_SERVERS and REDIS_URL come first, each for itself; then the local stack of FEDSECURE_STATE_DIR
    (default `.state` in the current folder). Nothing is asked over the network. Raises Misconfigured if there is none.
    """
    from fedsecure.local_stack import LocalStack

    endpoints = LocalStack().endpoints()
    return Settings(**{"kafka_bootstrap_servers": endpoints.kafka, "redis_url": endpoints.redis_url, **overrides})
