"""One engine with more and more devices: what a minute costs, and what a device takes, with all state really held."""

from __future__ import annotations

import time
from typing import Final

import psutil

from bench.measured.judging import BATCH
from bench.row import Row
from bench.ward import FIRST_EVENT_MINUTE, FIRST_HOUR_MIN, Ward, device_name, ward_of
from detectors.detector import Detector
from detectors.engine.chunks import MinuteChunk
from detectors.engine.engine import DetectionEngine
from streams.collecting import collect_seldom

SIZES: Final = (100, 1_000, 10_000, 100_000)
SHORT_ENROLMENT_MIN: Final = 120
"""The shortest that is allowed: what is held of a device afterwards is the same."""
GROWTH_GOAL: Final = 1.15
FEW: Final = 100
"""So few take less than the allocator holds back."""
MEASURED_MIN: Final = 30


def measure(*, quick: bool) -> list[Row]:
    """Return memory and cost by number of devices; all of them only with `python -m bench scale --whole`."""
    return measure_sizes(SIZES[:2] if quick else SIZES[:3])


def measure_sizes(sizes: tuple[int, ...]) -> list[Row]:
    """Return microseconds of a minute and kilobytes of a device, for each number of devices."""
    rows: list[Row] = []
    costs: list[float] = []
    for devices in sizes:
        before_mb = _memory_mb()
        engine, cost_us = _engine_at_work(devices)
        held_kb = (_memory_mb() - before_mb) / devices * 1000
        costs.append(cost_us)
        rows.append(Row(f"a minute of one of {devices:,} devices, one a message", cost_us, "us"))
        if devices > FEW:
            rows.append(Row(f"memory a device, {devices:,} devices", held_kb, "kB"))
        del engine
    rows.append(Row(f"a minute's cost, {sizes[-1]:,} devices to {sizes[0]:,}", costs[-1] / costs[0], "x", GROWTH_GOAL))
    return rows


def _engine_at_work(devices: int) -> tuple[DetectionEngine, float]:
    """Return an engine that holds all devices, enrolled, and what one minute of each costs in batches of 512, as in a worker."""
    collect_seldom()
    all_min = SHORT_ENROLMENT_MIN + FIRST_HOUR_MIN + MEASURED_MIN
    ward = ward_of(24, all_min)
    engine = DetectionEngine(Detector.load().model, enrolment_min=SHORT_ENROLMENT_MIN)
    for device in range(devices):
        engine.open(device_name(device), None)
    for first in range(0, devices, BATCH):
        for start in range(0, SHORT_ENROLMENT_MIN + FIRST_HOUR_MIN, 60):
            engine.apply(_chunks(ward, first, devices, start, start + 60))
    spent = 0.0
    for start in range(all_min - MEASURED_MIN, all_min):
        for first in range(0, devices, BATCH):
            chunks = _chunks(ward, first, devices, start, start + 1)
            began = time.process_time()
            engine.apply(chunks)
            spent += time.process_time() - began
    return engine, spent / (devices * MEASURED_MIN) * 1e6


def _chunks(ward: Ward, first: int, devices: int, start: int, end: int) -> list[MinuteChunk]:
    return [
        MinuteChunk(
            device_name(device),
            1,
            FIRST_EVENT_MINUTE + start,
            ward.heart_rate_bpm[device % ward.devices, start:end].tolist(),
            ward.resp_rate_bpm[device % ward.devices, start:end].tolist(),
        )
        for device in range(first, min(first + BATCH, devices))
    ]


def _memory_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6
