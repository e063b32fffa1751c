"""Starts clients of Kafka, and shows in the metrics whether it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiokafka.errors import KafkaError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from contracts.metrics import KAFKA_UP
from transport.kafka.refusals import why_not

HANGS_AFTER_S: Final = 10.0
"""While the broker is away aiokafka tries for minutes before it raises."""


@contextmanager
def watched_call(hangs_after_s: float = HANGS_AFTER_S) -> Iterator[None]:
    """Show Kafka as up when the call inside returns, as down when it fails or has not returned after so many seconds."""
    late = asyncio.get_running_loop().call_later(hangs_after_s, KAFKA_UP.set, 0)
    try:
        yield
    except (KafkaError, TimeoutError, OSError):
        KAFKA_UP.set(0)
        raise
    else:
        KAFKA_UP.set(1)
    finally:
        late.cancel()


async def start_client(client: Any, settings: ServiceSettings) -> None:
    """Start aiokafka's consumer or producer. One that does not start is closed again. Raises Unavailable."""
    try:
        await client.start()
    except BaseException as error:  # cancelled half-way: it must be closed too
        await client.stop()
        if isinstance(error, KafkaError):
            raise Unavailable(await why_not(settings, error)) from None
        raise
