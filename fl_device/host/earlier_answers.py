"""Which rounds a device answered before its host was restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import BadSignature, InvalidMessage, Misconfigured
from contracts.messages.federation import ModelMeasurement, decode_answer
from contracts.signing import public_bytes_of, verify
from fl_device.keys.folder import KeyFolder
from transport.kafka.topic_reader import Record, TopicReader

log = structlog.get_logger()


async def rounds_answered(settings: Settings, device_ids: Iterable[str], folder: KeyFolder) -> dict[str, int]:
    """Return the latest round that each device answered, as far as it is on record. Raises Unavailable.

    Only the last few records of a topic are read, and only what the device's present key signed counts: nobody else can make a
    device fall silent. A device without a key answers no round, so it is left out.
    """
    topics = {settings.topics.fl_updates(device_id): device_id for device_id in device_ids}
    if not topics:
        return {}
    async with TopicReader(settings) as reader:
        await reader.add_existing(topics, start="tail")
        records = await reader.read_to_end()
    return await asyncio.to_thread(_latest, [(topics[record.topic], record) for record in records], folder)


def _latest(records: list[tuple[str, Record]], folder: KeyFolder) -> dict[str, int]:
    latest: dict[str, int] = {}
    for device_id in sorted({device_id for device_id, _ in records}):
        try:
            public_key = public_bytes_of(folder.load(device_id))
        except Misconfigured as error:
            log.warning("earlier_answers_ignored", device_id=device_id, error=type(error).__name__)
            continue
        answered = [_own_round(device_id, record, public_key) for name, record in records if name == device_id]
        latest[device_id] = max(answered)
    return latest


def _own_round(device_id: str, record: Record, public_key: bytes) -> int:
    """Return the round to which a record of the device's topic is an update. 0 when it is none, or not the device's own."""
    try:
        answer = decode_answer(record.value)
        if isinstance(answer, ModelMeasurement):  # made again it does no harm
            return 0
        verify(public_key, answer)
    except (InvalidMessage, BadSignature) as error:
        log.warning("earlier_answer_ignored", device_id=device_id, offset=record.offset, error=type(error).__name__)
        return 0
    return answer.round if answer.device_id == device_id else 0
