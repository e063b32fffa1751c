"""A device's own vital signs, read from its own topic."""

from __future__ import annotations

import asyncio

import numpy as np

from contracts.messages.vitals import decode_vitals
from fedsecure.endpoints import settings_for_running_stack
from gated_forecast.model import Numbers
from transport.kafka.topic_reader import TopicReader


def own_minutes(device_id: str, latest: int = 720) -> Numbers:
    """Return the device's latest minutes, float64[n, 2]: heart and respiratory rate (bpm, NaN = missing)."""
    return asyncio.run(_read(device_id))[-latest:]


async def _read(device_id: str) -> Numbers:
    settings = settings_for_running_stack()
    topic = settings.topics.vitals(device_id)
    async with TopicReader(settings) as reader:
        await reader.add_existing([topic], start="earliest")
        records = await reader.read_to_end()
    batches = [decode_vitals(record.value, expected_device_id=device_id) for record in records]
    rows = [pair for batch in batches for pair in zip(batch.heart_rate_bpm, batch.resp_rate_bpm, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
