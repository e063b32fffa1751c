"""Finds the last minute that each device's vitals topic holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from contracts.configuration.parts import ServiceSettings
from contracts.errors import InvalidMessage
from contracts.messages.vitals import decode_vitals
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import BackwardSteps, TopicPartition

FIRST_STEP: Final = 4
STEP_GROWTH: Final = 16


@dataclass(frozen=True, slots=True)
class LastSent:
    """The newest minute of a device that its vitals topic holds, and the session that sent it."""

    session_id: int
    event_minute: int
    label: str | None = None


def read_last_sent(settings: ServiceSettings, device_ids: Iterable[str] | None) -> dict[str, LastSent]:
    """Return the newest minute of every device whose topic (or key, in the shared layout) holds a valid batch.

    All topics must exist. None is every device of the shared topic, which is read as a whole. Blocks, in a thread without
    an event loop; raises Unavailable.
    """
    return asyncio.run(_read(settings, None if device_ids is None else set(device_ids)))


async def _read(settings: ServiceSettings, wanted: set[str] | None) -> dict[str, LastSent]:
    reader = OffsetRangeReader(settings)
    await reader.start()
    try:
        if wanted is None or settings.topic_layout == "shared":
            return await _read_shared(reader, settings.topics.vitals_shared, wanted)
        device_of = {TopicPartition(settings.topics.vitals(device_id), 0): device_id for device_id in wanted}
        return await _read_per_patient(reader, device_of)
    finally:
        await reader.close()


async def _read_per_patient(reader: OffsetRangeReader, device_of: dict[TopicPartition, str]) -> dict[str, LastSent]:
    last_sent: dict[str, LastSent] = {}
    steps = BackwardSteps(await reader.bounds(device_of), FIRST_STEP, STEP_GROWTH)
    while ranges := steps.next(partition for partition, device_id in device_of.items() if device_id not in last_sent):
        async for records in reader.read(ranges):
            for record in records:
                _note(last_sent, device_of[TopicPartition(record.topic, record.partition)], record.value)
    return last_sent


async def _read_shared(reader: OffsetRangeReader, topic: str, wanted: set[str] | None) -> dict[str, LastSent]:
    last_sent: dict[str, LastSent] = {}
    bounds = await reader.bounds(await reader.partitions(topic))
    steps = BackwardSteps(bounds, FIRST_STEP, STEP_GROWTH)
    while (wanted is None or wanted - last_sent.keys()) and (ranges := steps.next(bounds)):
        earlier: dict[str, LastSent] = {}
        async for records in reader.read(ranges):
            for record in records:
                device_id = (record.key or b"").decode("utf-8", "replace")
                if wanted is None or device_id in wanted:
                    _note(earlier, device_id, record.value)
        last_sent = earlier | last_sent
    return last_sent


def _note(last_sent: dict[str, LastSent], device_id: str, value: bytes | None) -> None:
    """Keep the furthest minute of a window: after a re-send the last record need not be it."""
    try:
        batch = decode_vitals(value, expected_device_id=device_id)
    except InvalidMessage:
        return  # somebody else's dead letter: the worker counts it, a replay looks past it
    if not len(batch):
        return
    last = LastSent(batch.session_id, batch.first_event_minute + len(batch) - 1, batch.label)
    known = last_sent.get(device_id)
    if known is None or (last.session_id, last.event_minute) > (known.session_id, known.event_minute):
        last_sent[device_id] = last
