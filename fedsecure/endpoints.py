"""Where a command finds Kafka and Redis: the environment first, else the local stack that runs."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from contracts.settings import Settings

ALIASES = {"kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS", "redis_url": "REDIS_URL"}


def settings_for_running_stack(**overrides: Any) -> Settings:
    """Return the settings with the addresses of the services that run.

    KAFKA_BOOTSTRAP_SERVERS and REDIS_URL come first, each for itself; then the local stack of FEDSECURE_STATE_DIR
    (default `.state` in the current folder). Nothing is asked over the network. Raises Misconfigured if there is none.
    """
    from fedsecure.local_stack import LocalStack

    endpoints = LocalStack().endpoints()
    return Settings(**{"kafka_bootstrap_servers": endpoints.kafka, "redis_url": endpoints.redis_url, **overrides})


def environ_of(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give a program these settings (those that are not the defaults)."""
    environ = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value is None or value == field.default:
            continue
        variable = ALIASES.get(name, f"FEDSECURE_{name.upper()}")
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        environ[variable] = ",".join(value) if isinstance(value, tuple) else str(value)
    return environ
