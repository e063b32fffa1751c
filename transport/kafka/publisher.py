"""A producer that returns from a send when the broker has the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from transport.kafka.options import aiokafka_options
from transport.kafka.watch import start_client, watched_call


class Publisher:
    """Sends single records with acks=all, idempotent. An async context manager that raises Unavailable."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._options = aiokafka_options(settings)

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            **self._options, acks="all", enable_idempotence=True, max_request_size=2_097_152, request_timeout_ms=10_000
        )
        await start_client(self._producer, self._settings)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, topic: str, key: str, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Publish one record (`value` None is a tombstone) and wait until the broker has it."""
        try:
            with watched_call():
                await self._producer.send_and_wait(topic, value, key=key.encode(), headers=list(headers))
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._servers} does not take records ({type(error).__name__})") from None
