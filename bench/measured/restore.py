"""What it takes to go on with devices of another worker: their vitals decoded and read back, in one thread without Kafka."""

from __future__ import annotations

import time
from typing import Final

from bench.measured.judging import enrolled_engine
from bench.row import Row, repeated
from bench.ward import ENROLMENT_MIN, FIRST_EVENT_MINUTE, Ward, device_name, ward_of
from contracts.messages.verdicts import DeviceSnapshot
from contracts.messages.vitals import decode_vitals, encode_vitals
from detectors.detector import Detector
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model
from streams.state.backfill import joined

DEVICES: Final = 16
RESTORED: Final = 10_000
GOAL_S: Final = 20.0
LIVED_MIN: Final = 1800
"""By then all that is ever read back is there: a day of replays, the decisions that wait, and six hours before them."""


def measure(*, quick: bool) -> list[Row]:
    """Return seconds for 10,000 devices, reckoned from 32, by how many minutes a message holds."""
    ward, model = ward_of(DEVICES, LIVED_MIN), Detector.load().model
    lived = enrolled_engine(ward, LIVED_MIN)
    snapshots = [lived.snapshot(device_name(device)) for device in range(DEVICES)]
    return [
        repeated(
            f"restore of {RESTORED:,} devices, {pack} a message",
            [_restore_s(ward, model, snapshots, pack) for _ in range(2 if quick else 3)],
            "s",
            goal=GOAL_S,
            note=f"reckoned from {DEVICES}, in one thread without Kafka",
        )
        for pack in (1, 30)
    ]


def _restore_s(ward: Ward, model: Model, snapshots: list[DeviceSnapshot], pack: int) -> float:
    kept = [_kept(ward, device, snapshot, pack) for device, snapshot in enumerate(snapshots)]
    began = time.process_time()
    engine = DetectionEngine(model, enrolment_min=ENROLMENT_MIN)
    for device, snapshot in enumerate(snapshots):
        name = device_name(device)
        engine.open(name, snapshot)
        for chunk in joined([decode_vitals(value, expected_device_id=name) for value in kept[device]]):
            engine.fill(chunk)
        engine.snapshot(name)
    return (time.process_time() - began) / ward.devices * RESTORED


def _kept(ward: Ward, device: int, snapshot: DeviceSnapshot, pack: int) -> list[bytes]:
    """Return the messages that a restore reads back."""
    needed = DetectionEngine.history_needed_from(snapshot) or FIRST_EVENT_MINUTE
    first = max(0, needed - FIRST_EVENT_MINUTE) // pack * pack
    starts = range(first, ward.minutes, pack)
    return [encode_vitals(ward.message(device, at, at + pack, sent_at=0.0)) for at in starts]
