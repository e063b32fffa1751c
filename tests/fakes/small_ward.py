"""Vitals of a few made-up devices, long enough to be enrolled and to train on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from contracts.configuration.settings import Settings
from contracts.event_time import to_event_minute
from contracts.messages.vitals import VitalsBatch, encode_vitals
from replay.recording import Recording
from transport.kafka.admin import ensure_topics
from transport.kafka.publisher import Publisher

DEVICES = ("p1", "p2", "p3", "p4", "p5")
ENROLMENT_MIN, HORIZON_MIN, RECORDED_MIN, PACK = 120, 60, 400, 20
START = datetime(2150, 1, 1, tzinfo=UTC)


def recorded(device_id: str, seed: int, minutes: int = RECORDED_MIN) -> Recording:
    minute = np.arange(minutes)
    noise = np.random.default_rng(seed).normal(0, 1, (2, minutes))
    heart = 80 + 8 * np.sin(minute / 90 + seed) + noise[0]
    breath = 17 + 2 * np.sin(minute / 50 + seed) + noise[1]
    return Recording(device_id, to_event_minute(START), heart, breath)


async def send_vitals(
    settings: Settings, device_id: str, seed: int, recorded_min: int = RECORDED_MIN, *, part: slice = slice(None)
) -> None:
    """Send a recording of so many minutes, or a part of it."""
    await send_all_vitals(settings, {device_id: seed}, recorded_min, part)


async def send_all_vitals(
    settings: Settings, seeds: Mapping[str, int], recorded_min: int = RECORDED_MIN, part: slice = slice(None)
) -> None:
    """Send the recordings of many devices, each by its seed."""
    ensure_topics(settings, [settings.topics.vitals_spec(device_id) for device_id in seeds])
    async with Publisher(settings) as publisher:
        for device_id, seed in seeds.items():
            for batch in _batches(recorded(device_id, seed, recorded_min), range(recorded_min)[part]):
                await publisher.send(settings.topics.vitals(device_id), device_id, encode_vitals(batch))


def _batches(recording: Recording, minutes: range) -> Iterator[VitalsBatch]:
    for start in minutes[::PACK]:
        packed = slice(start, min(start + PACK, minutes.stop))
        yield VitalsBatch(
            device_id=recording.device_id,
            session_id=1,
            observed_at=START + timedelta(minutes=start),
            heart_rate_bpm=recording.heart_rate_bpm[packed].tolist(),
            resp_rate_bpm=recording.resp_rate_bpm[packed].tolist(),
            batch_interval_s=1.0,
            sent_at=time.time(),
        )
