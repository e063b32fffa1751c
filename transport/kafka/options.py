"""Connection options from the settings, in the words of each Kafka client."""

from __future__ import annotations

import ssl
from typing import Any

from contracts.setting_parts import ServiceSettings
from transport.tls import tls_context


def kafka_python_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return keyword arguments for kafka-python's clients; raises Misconfigured."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "security_protocol": settings.kafka_security_protocol,
    }
    return options | _tls(settings) | _sasl(settings)


def aiokafka_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return keyword arguments for aiokafka's clients; raises Misconfigured."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    return options | _tls(settings) | _sasl(settings)


def kafka_tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return the context for a broker that speaks TLS, else None; raises Misconfigured for a CA file that is none."""
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    return tls_context(settings.kafka_ca_file, "FEDSECURE_KAFKA_CA_FILE")


def _tls(settings: ServiceSettings) -> dict[str, Any]:
    context = kafka_tls(settings)
    return {} if context is None else {"ssl_context": context}


def _sasl(settings: ServiceSettings) -> dict[str, Any]:
    if not settings.kafka_username or settings.kafka_password is None:
        return {}
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }
