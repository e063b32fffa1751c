"""Says why a broker lets a client in or not: the clients themselves only say that they could not begin."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from contracts.configuration.parts import ServiceSettings
from transport.kafka.options import aiokafka_options

PATIENCE_S: Final = 3.0


async def why_not(settings: ServiceSettings, error: Exception) -> str:
    """Return a sentence for a client that could not begin because of `error`. Each broker is asked once more, for some seconds at most."""
    options: dict[str, Any] = aiokafka_options(settings)
    for broker in options.pop("bootstrap_servers").split(","):
        host, _, port = broker.rpartition(":")
        try:
            connection = await asyncio.wait_for(create_conn(host.strip("[]"), int(port), **options), PATIENCE_S)
        except SaslAuthenticationFailed:
            return f"Kafka at {broker} refused the log-in of {settings.kafka_username}: name or password is wrong, or it was revoked"
        except ssl.SSLCertVerificationError as wrong:
            return (
                f"Kafka at {broker} shows a certificate that is not believed ({wrong.verify_message}): is FEDSECURE_KAFKA_CA_FILE "
                "that of its authority?"
            )
        except (KafkaError, OSError, TimeoutError):
            continue  # another broker may know more
        connection.close()
    return f"Kafka at {settings.kafka_bootstrap_servers} does not answer ({type(error).__name__})"
