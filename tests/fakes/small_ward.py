"""Vitals of a few made-up devices, long enough to be enrolled and to train on."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np

from contracts.event_time import to_event_minute
from contracts.settings import Settings
from contracts.vitals import VitalsBatch, encode_vitals
from replay.recording import Recording
from transport.publisher import Publisher
from transport.topic_admin import ensure_topics

DEVICES = ("p1", "p2", "p3", "p4", "p5")
ENROLMENT_MIN, HORIZON_MIN, RECORDED_MIN, PACK = 120, 60, 400, 20
START = datetime(2150, 1, 1, tzinfo=UTC)


def recorded(device_id: str, seed: int, minutes: int = RECORDED_MIN) -> Recording:
    minute = np.arange(minutes)
    noise = np.random.default_rng(seed).normal(0, 1, (2, minutes))
    heart = 80 + 8 * np.sin(minute / 90 + seed) + noise[0]
    breath = 17 + 2 * np.sin(minute / 50 + seed) + noise[1]
    return Recording(device_id, to_event_minute(START), heart, breath)


async def send_vitals(settings: Settings, device_id: str, seed: int, recorded_min: int = RECORDED_MIN) -> None:
    ensure_topics(settings, [settings.topics.vitals_spec(device_id)])
    recording = recorded(device_id, seed, recorded_min)
    heart, breath = recording.heart_rate_bpm, recording.resp_rate_bpm
    async with Publisher(settings) as publisher:
        for start in range(0, recorded_min, PACK):
            batch = VitalsBatch(
                device_id=device_id,
                session_id=1,
                observed_at=START + timedelta(minutes=start),
                heart_rate_bpm=heart[start : start + PACK].tolist(),
                resp_rate_bpm=breath[start : start + PACK].tolist(),
                batch_interval_s=1.0,
                sent_at=time.time(),
            )
            await publisher.send(settings.topics.vitals(device_id), device_id, encode_vitals(batch))
