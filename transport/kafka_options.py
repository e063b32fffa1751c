"""Connection options from the settings, in the words of each Kafka client."""

from __future__ import annotations

import ssl
from typing import Any

from contracts.settings import Settings


def kafka_python_options(settings: Settings) -> dict[str, Any]:
    """Return keyword arguments for kafka-python's clients."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_ca_file:
        options["ssl_cafile"] = str(settings.kafka_ca_file)
    return options | _sasl(settings)


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Return keyword arguments for aiokafka's clients."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        cafile = str(settings.kafka_ca_file) if settings.kafka_ca_file else None
        options["ssl_context"] = ssl.create_default_context(cafile=cafile)
    return options | _sasl(settings)


def _sasl(settings: Settings) -> dict[str, Any]:
    if not settings.kafka_username or settings.kafka_password is None:
        return {}
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }
