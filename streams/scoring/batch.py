"""Scores one micro-batch in the executor thread, without I/O and without the event loop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from contracts.messages.verdicts import encode_verdict
from contracts.messages.vitals import VitalsBatch
from contracts.metrics import BATCH_MINUTES, DROPPED_MINUTES, FLAGGED_WINDOWS, MINUTES, SCORES, SCORING_SECONDS, WINDOWS
from detectors.engine.chunks import MinuteChunk, Verdicts, chunk_of
from detectors.engine.router import EngineRouter
from streams.publisher import DeadLetter, DeviceResult
from streams.scoring.intake import Intake
from streams.scoring.records import next_status, score_batches
from streams.state.devices import DeviceContext, take_label
from streams.vitals_records import VitalsRecord


@dataclass(slots=True)
class BatchResult:
    """Everything a micro-batch leads to. `sent_at` are the senders' clocks (epoch seconds), one a message."""

    results: list[DeviceResult] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)


class BatchScorer:
    """Applies records to the engines. Called by one thread at a time, the one that owns them."""

    def __init__(self, router: EngineRouter, intake: Intake, worker_id: str) -> None:
        self.router = router
        self._intake = intake
        self._worker_id = worker_id

    def score(self, records: Sequence[VitalsRecord], devices: Mapping[str, DeviceContext]) -> BatchResult:
        """Judge records in order. Each is of a held device and the next of its topic (or of nobody)."""
        started = time.perf_counter()
        batch_result = BatchResult()
        pending = _PendingBatches(self.router)
        for record in records:
            message = self._intake.take_in(record)
            device = devices.get(record.device_id)
            if device is not None:
                device.next_offset = record.offset + 1
            if isinstance(message, VitalsBatch) and device is not None:
                batch_result.sent_at.append(message.sent_at)
                pending.add(message, device, record.received_at)
                continue
            if isinstance(message, DeadLetter):
                batch_result.dead_letters.append(message)
            if device is not None:
                pending.add_invalid(record.device_id)
        pending.flush()
        for device_id, verdicts in pending.verdicts.items():
            batch_result.results.append(self._device_result(devices[device_id], verdicts))
        BATCH_MINUTES.observe(sum(part.minutes for parts in pending.verdicts.values() for part in parts))
        SCORING_SECONDS.observe(time.perf_counter() - started)
        return batch_result

    def whole_results(self, devices: Sequence[DeviceContext]) -> list[DeviceResult]:
        """Return each device's last status as it went out, with the snapshot that the engine holds."""
        shown = [(device.status, self.router.snapshot(device.device_id), device.epoch) for device in devices]
        return [
            DeviceResult(msgspec.structs.replace(status, snapshot=snapshot), epoch)
            for status, snapshot, epoch in shown
            if status is not None
        ]

    def close(self, devices: Sequence[str]) -> None:
        """Forget devices that left or were taken."""
        for device_id in devices:
            self.router.close(device_id)
            self._intake.forget(device_id)

    def _device_result(self, device: DeviceContext, verdicts: list[Verdicts]) -> DeviceResult:
        held_epoch = device.epoch
        snapshot = self.router.snapshot(device.device_id)
        if device.status and device.status.session_id != snapshot.session_id:
            # A new session may start at an earlier event minute: a new epoch keeps the pair rising.
            device.epoch += 1
        for applied in verdicts:
            _count(applied)
        reason, bundle_sha = self.router.reason(device.device_id), self.router.bundle_sha_of(device.device_id)
        status = next_status(
            device, snapshot, verdicts, reason=reason, bundle_sha=bundle_sha, worker_id=self._worker_id
        )
        device.now_shows(status)
        scores = score_batches(device, verdicts, bundle_sha)
        return DeviceResult(status, held_epoch, [encode_verdict(batch) for batch in scores])


class _PendingBatches:
    """Keeps each device's messages in order while judging as many as possible in one call."""

    def __init__(self, router: EngineRouter) -> None:
        self._router = router
        self._chunks: list[MinuteChunk] = []
        self._arrivals: list[tuple[DeviceContext, float, VitalsBatch]] = []
        self._devices: set[str] = set()
        self.verdicts: dict[str, list[Verdicts]] = {}

    def add(self, batch: VitalsBatch, device: DeviceContext, received_at: float) -> None:
        self._chunks.append(chunk_of(batch))
        self._arrivals.append((device, received_at, batch))
        self._devices.add(batch.device_id)

    def add_invalid(self, device_id: str) -> None:
        if device_id in self._devices:
            self.flush()
        self._router.invalid(device_id)
        self.verdicts.setdefault(device_id, [])

    def flush(self) -> None:
        applied = self._router.apply(self._chunks) if self._chunks else []
        for verdicts, (device, received_at, batch) in zip(applied, self._arrivals, strict=True):
            self.verdicts.setdefault(verdicts.device_id, []).append(verdicts)
            take_label(device, batch, verdicts)
            if verdicts.minutes:  # a device that only repeats old minutes is silent, and must go stale
                device.received_at, device.batch_interval_s = received_at, batch.batch_interval_s
        self._chunks, self._arrivals, self._devices = [], [], set()


def _count(verdicts: Verdicts) -> None:
    MINUTES.inc(verdicts.minutes)
    WINDOWS.inc(verdicts.windows)
    FLAGGED_WINDOWS.inc(verdicts.flagged_windows)
    for score in verdicts.score[np.isfinite(verdicts.score)].tolist():
        SCORES.observe(score)
    for reason, count in verdicts.dropped.items():
        DROPPED_MINUTES.labels(reason).inc(count)
