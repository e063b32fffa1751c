"""Connection options from the settings, in the words of each Kafka client."""

from __future__ import annotations

import ssl
from typing import Any

from contracts.configuration.parts import ServiceSettings
from transport.tls import tls_context


def kafka_python_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return keyword arguments for kafka-python's clients. Raises Misconfigured."""
    return aiokafka_options(settings) | {"bootstrap_servers": settings.kafka_bootstrap_servers.split(",")}


def aiokafka_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return keyword arguments for aiokafka's clients. Raises Misconfigured."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if (context := kafka_tls(settings)) is not None:
        options["ssl_context"] = context
    if settings.kafka_username and settings.kafka_password is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return options


def kafka_tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return the context for a broker that speaks TLS, else None. Raises Misconfigured for a CA file that is none."""
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    return tls_context(settings.kafka_ca_file, "FEDSECURE_KAFKA_CA_FILE")
