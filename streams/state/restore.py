"""Restores devices from their last status before any new record of theirs is applied."""

from __future__ import annotations

import time
from asyncio import get_running_loop
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from contracts.metrics import BUNDLE_CHANGES, RESTORE_SECONDS
from contracts.verdicts import DeviceSnapshot, DeviceStatus
from contracts.vitals import VitalsBatch
from detectors.engine.chunks import MinuteChunk
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.bundles.engines import ReleasedEngines
from streams.publisher import DeviceResult, VerdictPublisher
from streams.state.backfill import BackfillReader, BackfillRequest
from streams.state.devices import AssignedDevices, DeviceContext
from streams.state.snapshots import SnapshotReader
from streams.state.status_store import StatusStore
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import TopicPartition

log = structlog.get_logger()

JOINED_MIN = 360


@dataclass(frozen=True, slots=True)
class RestoreSources:
    """Where a restore reads: any topic, the status topic, the vitals' past, bundles other than the one in force."""

    reader: OffsetRangeReader
    status_log: SnapshotReader
    history: BackfillReader
    released: ReleasedEngines


@dataclass(frozen=True, slots=True)
class Restorer:
    """Snapshot from the status topic, history from the vitals topic, then a new epoch, published first."""

    sources: RestoreSources
    store: StatusStore
    publisher: VerdictPublisher
    router: EngineRouter
    executor: Executor
    worker_id: str

    async def restore(self, held: AssignedDevices, devices: Mapping[str, TopicPartition]) -> None:
        """Make the devices current. Those whose state still stands are kept. Raises Unavailable or Fatal."""
        started = time.monotonic()
        statuses = await self.sources.status_log.latest(devices)
        kept = await self._still_current(held, set(devices), statuses)
        held.verified.update(kept)
        again = {device: partition for device, partition in devices.items() if device not in kept}
        if not again:
            return
        bounds = await self.sources.reader.bounds(set(again.values()))
        old = await self._old_engines({device_id: statuses[device_id] for device_id in again.keys() & statuses.keys()})
        wanted = [
            self._history_of(device, partition, statuses.get(device), bounds[partition], old)
            for device, partition in again.items()
        ]
        histories = {request.device_id: request for request in wanted if request is not None}
        first_kept = {partition: start for partition, (start, _) in bounds.items()}
        await self.sources.history.read(histories.values(), first_kept)
        whole = {
            device_id for device_id, request in histories.items() if request.is_whole(first_kept[request.partition])
        }
        opened = await get_running_loop().run_in_executor(
            self.executor, partial(self._open, set(again), statuses, histories, whole, old)
        )
        epochs = await self.store.take_epochs({d: statuses[d].epoch if d in statuses else 0 for d in again})
        for device_id, partition in again.items():
            status = statuses.get(device_id)
            if status is not None:
                status = taken_over(status, epochs[device_id], self.worker_id, opened[device_id])
            next_offset = _next_offset(status, bounds[partition])
            held.hold(DeviceContext.from_status(device_id, epochs[device_id], next_offset, status), partition)
        await self._announce([held.devices[device_id] for device_id in again])
        elapsed_s = time.monotonic() - started
        RESTORE_SECONDS.observe(elapsed_s)
        log.info(
            "devices_restored", restored=len(again), known=len(histories), kept=len(kept), seconds=round(elapsed_s, 3)
        )

    async def _still_current(
        self, held: AssignedDevices, devices: set[str], statuses: Mapping[str, DeviceStatus]
    ) -> set[str]:
        """Return the held devices that nobody else has touched since: same epoch, same offset, in topic and Redis."""
        same = [
            device_id
            for device_id in devices & held.devices.keys()
            if _place(held.devices[device_id].status) == _place(statuses.get(device_id))
        ]
        epochs = await self.store.epochs(same)
        return {d for d in same if epochs.get(d, held.devices[d].epoch) == held.devices[d].epoch}

    async def _old_engines(self, statuses: Mapping[str, DeviceStatus]) -> dict[str, DetectionEngine]:
        """Return the engine of each device with a profile of another bundle, if that bundle can still be loaded.

        It judges the device until the bundle in force takes it over; to read all enrolments back first would keep all waiting.
        """
        behind = {
            device_id: status.snapshot.profile.bundle_sha
            for device_id, status in statuses.items()
            if status.snapshot and status.snapshot.profile and self._must_take_over(status)
        }
        engines = {sha: await self._engine_of_bundle(sha) for sha in set(behind.values())}
        return {device_id: engine for device_id, sha in behind.items() if (engine := engines[sha]) is not None}

    async def _engine_of_bundle(self, bundle_sha: str) -> DetectionEngine | None:
        loaded = self.router.loaded(bundle_sha)
        return await self.sources.released.get(bundle_sha) if loaded is None else loaded

    def _history_of(
        self,
        device_id: str,
        partition: TopicPartition,
        status: DeviceStatus | None,
        bounds: tuple[int, int],
        old: Collection[str],
    ) -> BackfillRequest | None:
        snapshot = status.snapshot if status else None
        if device_id not in old and self._must_take_over(status):
            needed_from = DetectionEngine.history_needed_to_take_over(snapshot)
        else:
            needed_from = DetectionEngine.history_needed_from(snapshot)
        if snapshot is None or needed_from is None:
            return None
        return BackfillRequest(device_id, partition, _next_offset(status, bounds), snapshot.session_id, needed_from)

    def _must_take_over(self, status: DeviceStatus | None) -> bool:
        """Return whether another bundle judged the device than the one in force, once it has opened a session."""
        if status is None or DetectionEngine.history_needed_from(status.snapshot) is None:
            return False
        profile = status.snapshot.profile if status.snapshot else None
        return (profile.bundle_sha if profile else status.bundle_sha) != self.router.bundle_sha

    def _open(
        self,
        devices: set[str],
        statuses: Mapping[str, DeviceStatus],
        histories: Mapping[str, BackfillRequest],
        whole: set[str],
        old: Mapping[str, DetectionEngine],
    ) -> dict[str, DeviceSnapshot]:
        """Run in the executor thread, which owns the engines, and return where each device stands in them."""
        for device_id in devices:
            self.router.close(device_id)
            status = statuses.get(device_id)
            snapshot = status.snapshot if status else None
            chunks = list(joined(histories[device_id].batches)) if device_id in histories else []
            if snapshot and device_id not in old and self._must_take_over(status):
                if self.router.take_over_or_keep(device_id, snapshot, chunks, is_whole=device_id in whole):
                    BUNDLE_CHANGES.labels("moved").inc()
                    continue
                BUNDLE_CHANGES.labels("void").inc()
                log.warning("profile_void", device=device_id, reason="its bundle and its enrolment minutes are gone")
            self.router.open(device_id, snapshot, old.get(device_id))
            for chunk in chunks:
                self.router.fill(chunk)
        return {device_id: self.router.snapshot(device_id) for device_id in devices}

    async def _announce(self, devices: list[DeviceContext]) -> None:
        results = [DeviceResult(device.status, device.status.epoch) for device in devices if device.status is not None]
        refused = await self.store.write(results)
        # Whoever was overtaken since it took the epoch must not publish after its successor.
        await self.publisher.publish([result for result in results if result.device_id not in refused])


def joined(batches: Sequence[VitalsBatch]) -> Iterator[MinuteChunk]:
    """Join batches that follow each other: the engine fills a long chunk much faster than many short ones."""
    at = 0
    while at < len(batches):
        together, minutes = [batches[at]], len(batches[at])
        at += 1
        while at < len(batches) and batches[at].first_event_minute == together[0].first_event_minute + minutes:
            if minutes >= JOINED_MIN:
                break
            together.append(batches[at])
            minutes += len(batches[at])
            at += 1
        yield _as_one(together)


def _as_one(batches: Sequence[VitalsBatch]) -> MinuteChunk:
    first = batches[0]
    return MinuteChunk(
        first.device_id,
        first.session_id,
        first.first_event_minute,
        [value for batch in batches for value in batch.heart_rate_bpm],
        [value for batch in batches for value in batch.resp_rate_bpm],
        [value for batch in batches for value in batch.pulse_bpm or [None] * len(batch)],
    )


def taken_over(status: DeviceStatus, epoch: int, worker_id: str, snapshot: DeviceSnapshot) -> DeviceStatus:
    """Return the status as its new holder publishes it first.

    `snapshot` is where the new holder's engine stands: a profile that it cannot use is void at once, not only when the next
    minute arrives.
    """
    if status.enrolled and snapshot.profile is None:
        status = msgspec.structs.replace(
            status,
            state=snapshot.state,
            state_since=snapshot.state_since,
            reason="the profile belongs to another bundle or another rule",
            enrolled=False,
            enrolment_share=0.0,
            snapshot=snapshot,
        )
    kept = snapshot if status.snapshot is not None else None
    return msgspec.structs.replace(status, epoch=epoch, worker_id=worker_id, snapshot=kept)


def _place(status: DeviceStatus | None) -> tuple[int, int] | None:
    return None if status is None else (status.epoch, status.vitals_offset)


def _next_offset(status: DeviceStatus | None, bounds: tuple[int, int]) -> int:
    """Return where to go on. A topic shorter than the snapshot says was made anew and is read from its start."""
    start, end = bounds
    if status is None or status.snapshot is None or status.vitals_offset > end:
        return start
    return max(status.vitals_offset, start)
