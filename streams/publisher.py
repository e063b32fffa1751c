"""Publishes statuses, scores and dead letters, and waits until the broker has all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.configuration.parts import ServiceSettings
from contracts.messages.verdicts import DeviceStatus, encode_verdict
from streams.errors import Fatal
from transport.kafka.options import aiokafka_options
from transport.kafka.watch import start_client

PATIENCE_MS = 120_000
LARGEST_REQUEST_BYTES = 2_097_152
NOBODY = b"unknown"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record set aside, with the headers that say why and where it came from."""

    device_id: str
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(slots=True)
class DeviceResult:
    """A new status of a device, as it is and encoded with its snapshot, and the encoded scores that it sums up.

    `held_epoch` is the epoch that the worker holds, lower than the status' own when a session begins.
    """

    status: DeviceStatus
    held_epoch: int
    scores: Sequence[bytes] = ()
    record: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.record = encode_verdict(self.status)

    @property
    def device_id(self) -> str:
        return self.status.device_id


class VerdictPublisher:
    """An idempotent producer of its own: aiokafka retries for two minutes, after that the worker ends."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect, or raise Unavailable."""
        producer = AIOKafkaProducer(
            **aiokafka_options(self._settings),
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=PATIENCE_MS,
            max_request_size=LARGEST_REQUEST_BYTES,
            max_batch_size=256 * 1024,
        )
        await start_client(producer, self._settings)
        self._producer = producer

    async def publish(self, results: Sequence[DeviceResult], dead_letters: Sequence[DeadLetter] = ()) -> None:
        """Send everything and wait for every acknowledgement. Raises Fatal when the broker stays away."""
        topics = self._settings.topics
        producer = self._producer
        if producer is None:
            raise Fatal("the publisher is not started")
        try:
            pending = []
            for result in results:
                key = result.device_id.encode()
                # Scores first: a status says that its scores are there.
                pending.extend([await producer.send(topics.scores, value, key=key) for value in result.scores])
                pending.append(await producer.send(topics.device_status, result.record, key=key))
            for letter in dead_letters:
                key = letter.device_id.encode() or NOBODY
                pending.append(await producer.send(topics.dead_letters, letter.value, key=key, headers=letter.headers))
            await asyncio.gather(*pending)
        except KafkaError as error:
            raise Fatal(f"Kafka took no results for {PATIENCE_MS // 1000} s ({type(error).__name__})") from None

    async def close(self) -> None:
        """Disconnect, everything being acknowledged."""
        if self._producer is not None:
            await self._producer.stop()
